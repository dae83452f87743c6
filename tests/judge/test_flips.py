"""Flipped images with their margins, and the thresholds on plain numbers."""

import numpy as np
import pytest

from harness.judge.flips import flips
from harness.judge.numeric import numeric
from harness.results import Flip, Metrics, Numeric, Thresholds

REFERENCE = np.array([[1.0, 4.0, 2.0], [3.0, 2.5, 0.0], [0.0, 0.0, 7.0], [5.0, 1.0, 1.0]], np.float32)


def test_margins_are_the_references() -> None:
    outputs = np.array([[9.0, 4.0, 2.0], [3.0, 2.5, 0.0], [0.0, 8.0, 7.0]], np.float32)
    labels = np.array([1, 0, 1, 0])
    assert flips(reference=REFERENCE, outputs=outputs, labels=labels) == (
        Flip(image=0, reference=1, given=0, label=1, margin=2.0),
        Flip(image=2, reference=2, given=1, label=1, margin=7.0),
    )


def test_an_image_that_is_not_finite_has_flipped_to_nothing() -> None:
    outputs = REFERENCE.copy()
    outputs[1, 2] = np.nan
    assert flips(reference=REFERENCE, outputs=outputs) == (Flip(image=1, reference=0, given=None, margin=0.5),)


def test_equal_answers_have_no_flips() -> None:
    assert flips(reference=REFERENCE, outputs=REFERENCE[:2]) == ()


def metrics(distance: float | None, cosine: float | None) -> Metrics:
    return Metrics(
        images=3, nonfinite=0, cosine_min=0.0, cosine_median=cosine, relative_l2_median=distance, max_abs=1.0,
        top1_agreement=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("distance", "cosine", "expected"),
    [
        (0.01, 0.99, Numeric(relative_l2=True, cosine=True)),
        (0.0101, 0.9899, Numeric(relative_l2=False, cosine=False)),
        (None, None, Numeric(relative_l2=False, cosine=False)),
    ],
)
def test_numeric_thresholds(distance: float | None, cosine: float | None, expected: Numeric) -> None:
    thresholds = Thresholds(relative_l2=0.01, cosine=0.99)
    assert numeric(metrics=metrics(distance, cosine), thresholds=thresholds) == expected


def test_thresholds_that_are_not_set_say_nothing() -> None:
    found = metrics(0.5, 0.5)
    assert numeric(metrics=found, thresholds=Thresholds()) is None
    assert numeric(metrics=found, thresholds=Thresholds(cosine=0.4)) == Numeric(cosine=True)
