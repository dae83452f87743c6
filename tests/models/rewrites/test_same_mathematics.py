"""When two models compute the same, worked out by hand; and a comparison that cannot be talked into a yes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.rewrites.same_mathematics import LARGEST, MEDIAN, difference

BASE = np.array([[3.0, 4.0], [0.0, 5.0], [5.0, 0.0], [10.0, 0.0], [0.0, 10.0]], np.float32)


def test_the_differences_are_relative_to_each_image() -> None:
    changed = BASE + np.array([[0, 0.5], [0.5, 0], [0, 0.05], [0, 0.2], [0, 0]], np.float32)
    found = difference(BASE, changed)
    # 0.5/5, 0.5/5, 0.05/5, 0.2/10, 0/10
    assert found.median == pytest.approx(0.02)
    assert found.largest == pytest.approx(0.1)
    assert (found.flips, found.images) == (0, 5)
    assert not found.is_none


def test_equal_outputs_are_equal() -> None:
    found = difference(BASE, BASE.copy())
    assert (found.median, found.largest, found.flips, found.is_none) == (0, 0, 0, True)


def test_one_other_top_class_is_enough() -> None:
    close = np.array([[1.0, 1.00001]] * 5, np.float32)
    swapped = close.copy()
    swapped[2] = swapped[2, ::-1]
    found = difference(close, swapped)
    assert found.median == 0
    assert found.largest < LARGEST
    assert (found.flips, found.is_none) == (1, False)


@pytest.mark.parametrize(
    ("shift", "images", "same"),
    [(0.9 * MEDIAN, 5, True), (1.1 * MEDIAN, 5, False), (0.9 * LARGEST, 2, True), (1.1 * LARGEST, 1, False)],
)
def test_the_bounds(shift: float, images: int, same: bool) -> None:
    changed = BASE.astype(np.float64)
    changed[:images] *= 1 + shift
    assert difference(BASE, changed.astype(np.float32)).is_none is same


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_the_same(wrong: float) -> None:
    changed = BASE.copy()
    changed[3, 1] = wrong
    for one, other in ((BASE, changed), (changed, BASE), (changed, changed)):
        with np.errstate(invalid="ignore"):
            assert not difference(one, other).is_none
            assert difference(one, other).largest == np.inf


def test_nothing_is_near_to_zeros_but_zeros() -> None:
    zeros = np.zeros((2, 3), np.float32)
    assert difference(zeros, zeros).is_none
    assert difference(zeros, zeros + np.float32(1e-30)).largest == np.inf


@given(st.lists(st.floats(0, 2e-3), min_size=1, max_size=9))
def test_the_median_and_the_largest_are_those_of_the_list(shifts: list[float]) -> None:
    base = np.array([[0.0, 1.0]] * len(shifts), np.float32)
    changed = base.copy()
    changed[:, 0] = shifts
    found = difference(base, changed)
    exact = np.array(shifts, np.float32).astype(np.float64)
    assert found.median == pytest.approx(float(np.median(exact)))
    assert found.largest == pytest.approx(float(exact.max()))
    assert found.is_none == (np.median(exact) <= MEDIAN and exact.max() <= LARGEST)
