"""Which decided cell a cell's outputs are taken for, and which they are not."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from harness.dispatch.sharing import Decided
from harness.dispatch.stopping import ByYardsticks, Enough, Yardstick
from harness.fleet.client import FloatArray
from harness.results import Thresholds
from tests.dispatch.builders import job, key

OUTPUTS = np.random.default_rng(3).normal(size=(96, 10)).astype(np.float32)
FIRST, SECOND = job(device="first"), job(device="second")


def known() -> Decided:
    decided = Decided()
    decided.add(FIRST, OUTPUTS)
    return decided


def test_equal_outputs_on_another_device_are_found() -> None:
    assert known().twin(SECOND, OUTPUTS[:32], looks=2) == key(device="first")


@pytest.mark.parametrize(("images", "looks"), [(31, 2), (32, 1), (0, 0)])
def test_a_few_images_or_one_batch_are_not_enough(images: int, looks: int) -> None:
    assert known().twin(SECOND, OUTPUTS[:images], looks) is None


def test_one_bit_is_a_difference() -> None:
    nearly = OUTPUTS[:64].copy()
    nearly[63, 9] = np.nextafter(nearly[63, 9], np.float32(np.inf))
    assert known().twin(SECOND, nearly, looks=2) is None


def test_the_sign_of_a_zero_is_a_difference() -> None:
    decided = Decided()
    decided.add(FIRST, np.zeros((64, 10), np.float32))
    assert decided.twin(SECOND, np.full((64, 10), np.float32(-0.0)), looks=2) is None


def test_more_than_the_decided_cell_has_is_not_shared() -> None:
    decided = Decided()
    decided.add(FIRST, OUTPUTS[:64])
    assert decided.twin(SECOND, OUTPUTS[:96], looks=3) is None


@pytest.mark.parametrize(
    "other",
    [
        job("fp16", device="second"),
        replace(SECOND, variant="0" * 64),
        replace(SECOND, key=key(device="second", model="m0")),
        replace(SECOND, key=key(device="second").model_copy(update={"engine": "3.2.0"})),
    ],
)
def test_other_work_shares_nothing(other: object) -> None:
    assert known().twin(other, OUTPUTS[:64], looks=2) is None  # type: ignore[arg-type]


def test_a_cell_is_not_its_own_twin() -> None:
    assert known().twin(FIRST, OUTPUTS[:64], looks=2) is None


def test_other_shapes_and_types_are_no_twins() -> None:
    decided = Decided()
    decided.add(FIRST, np.zeros((64, 10), np.float32))
    assert decided.twin(SECOND, np.zeros((64, 5), np.float32), looks=2) is None
    assert decided.twin(SECOND, np.zeros((64, 5), np.float64), looks=2) is None


def test_many_lanes_at_once() -> None:
    decided = Decided()
    jobs = [job(device=f"board-{number}") for number in range(32)]
    with ThreadPoolExecutor(8) as lanes:
        list(lanes.map(lambda one: decided.add(one, OUTPUTS), jobs))
        found = list(lanes.map(lambda one: decided.twin(one, OUTPUTS, 4), jobs))
    assert all(twin is not None and twin != one.key for twin, one in zip(found, jobs, strict=True))


def lane(decided: Decided | None, outputs: FloatArray, *, device: str, batch: int = 16) -> tuple[int, Enough | None]:
    """Look after each batch as a lane does; return the images it took."""
    labels = OUTPUTS.argmax(axis=1)
    by = Yardstick(OUTPUTS, labels, Thresholds(accuracy_drop_points=5.0), 0.95)
    stopping = ByYardsticks({"b0": by}, decided)
    looks: list[int] = []
    for done in range(batch, len(outputs) + 1, batch):
        looks.append(done)
        enough = stopping.enough(job(device=device), outputs[:done], looks)
        if enough is not None:
            stopping.measured(job(device=device), outputs[:done], looks)
            return done, enough
    return len(outputs), None


def test_a_second_device_with_equal_bits_stops_at_two_batches() -> None:
    decided = Decided()
    first, enough = lane(decided, OUTPUTS, device="first")
    assert (first > 32, enough) == (True, Enough("PASS by its answers"))
    assert lane(decided, OUTPUTS, device="second") == (
        32,
        Enough("equal to the bit to first, which is decided", key(device="first")),
    )


def test_a_cell_that_shares_is_nobodys_twin() -> None:
    """Else a chain of equal beginnings could end at outputs that nobody compared."""
    decided = Decided()
    lane(decided, OUTPUTS, device="first")
    lane(decided, OUTPUTS, device="second")
    assert decided.twin(job(device="third"), OUTPUTS[:32], 2) == key(device="first")


def test_without_sharing_every_device_is_measured_by_itself() -> None:
    assert lane(None, OUTPUTS, device="first") == lane(None, OUTPUTS, device="second")
