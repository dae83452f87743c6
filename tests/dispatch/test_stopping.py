"""When a lane may stop: the judge's own rule, on what the lane has so far."""

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.dispatch.stopping import ByYardsticks, ToTheEnd, Yardstick
from harness.results import Thresholds
from tests.dispatch.builders import job

LABELS = np.arange(192) % 10
REFERENCE = np.eye(10, dtype=np.float32)[LABELS] + np.linspace(0, 0.1, 1920, dtype=np.float32).reshape(192, 10)
CELL = job("fp16")
MODEL = CELL.key.model


def certain(outputs: NDArray[np.float32], looks: list[int], model: str = MODEL, *, labelled: bool = True) -> str:
    yardstick = Yardstick(
        REFERENCE, LABELS if labelled else None, Thresholds(accuracy_drop_points=5.0, agreement=0.95), 0.95
    )  # fmt: skip
    enough = ByYardsticks({model: yardstick}).enough(CELL, outputs, looks)
    return enough.why if enough else ""


@pytest.mark.parametrize("labelled", [True, False])
def test_no_flip_is_certain_at_64_images(labelled: bool) -> None:
    """0.95^32 = 0.194 and 0.95^64 = 0.0375."""
    assert not certain(REFERENCE[:32], [32], labelled=labelled)
    assert certain(REFERENCE[:64], [32, 64], labelled=labelled) == "PASS by its answers"


def test_a_large_loss_is_certain_sooner() -> None:
    wrong = np.roll(REFERENCE[:32], 1, axis=1)
    assert certain(wrong, [32]) == "FAIL by its answers"


def test_numbers_that_are_not_finite_are_certain_at_once() -> None:
    broken = REFERENCE[:8].copy()
    broken[3, 3] = np.inf
    assert certain(broken, [8])


def test_a_loss_at_the_threshold_goes_on() -> None:
    outputs = REFERENCE.copy()
    outputs[10::20] = np.roll(outputs[10::20], 1, axis=1)
    looks = list(range(32, 193, 32))
    assert not any(certain(outputs[:look], looks[: index + 1]) for index, look in enumerate(looks))


def test_outputs_of_another_make_are_left_to_the_judge() -> None:
    assert not certain(REFERENCE[:64, :9], [32, 64])
    assert not certain(REFERENCE[:64].ravel(), [32, 64])


def test_a_model_without_yardstick_is_measured_to_its_end() -> None:
    assert not certain(REFERENCE[:64], [32, 64], model="another")
    assert ToTheEnd().enough(CELL, REFERENCE, [192]) is None
