"""The figures on how far outputs are from the right ones, against the plain formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from harness.agent.deviation import Deviation, deviation

Floats = NDArray[np.float32]
sane = st.floats(-1e4, 1e4, width=32)
anything = st.floats(width=32, allow_nan=True, allow_infinity=True)


def of(given_: object, right: object, part: int = 3) -> Deviation:
    """Compare one output, handed over in small parts."""
    one, other = np.asarray(given_, np.float32), np.asarray(right, np.float32)
    flat = other.reshape(-1)
    return deviation([(one, [flat[i : i + part] for i in range(0, flat.size, part)])])


@st.composite
def pairs(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> tuple[Floats, Floats]:
    shape = draw(npst.array_shapes(max_dims=3, max_side=5))
    return tuple(draw(npst.arrays(np.float32, shape, elements=elements)) for _ in range(2))  # type: ignore[return-value]


@given(pairs(sane), st.integers(1, 7))
def test_finite_numbers(pair: tuple[Floats, Floats], part: int) -> None:
    one, right = (array.astype(np.float64) for array in pair)
    found = of(*pair, part)
    norm = np.linalg.norm(right)
    if norm > 0:
        assert found.relative_l2 == pytest.approx(np.linalg.norm(one - right) / norm, rel=1e-9)
    else:
        assert found.relative_l2 == (None if one.any() else 0.0)
    assert found.elements == right.size
    assert found.largest == np.abs(right).max()
    assert found.rms == pytest.approx(math.sqrt((right**2).mean()))
    assert (found.nonfinite, found.near_overflow, found.integers) == (0, 0.0, 0)
    below = (right != 0) & (np.abs(right) < 2**-14)
    assert found.tiny == below.mean()
    assert found.flushed == (below & (one == 0)).mean()


@given(pairs(anything))
def test_any_numbers(pair: tuple[Floats, Floats]) -> None:
    one, right = pair
    found = of(*pair)
    lost = np.isfinite(right) & ~np.isfinite(one)
    assert found.nonfinite == lost.sum()
    assert (found.relative_l2 == math.inf) == bool(lost.any())
    assert (found.largest == math.inf) == (not np.isfinite(right).all())
    assert math.isfinite(found.rms)
    assert not any(math.isnan(figure) for figure in found if figure is not None)
    assert all(0 <= share <= 1 for share in (found.near_overflow, found.flushed, found.tiny))


def test_near_overflow_begins_at_half_of_the_largest() -> None:
    assert of([1.0] * 4, [32752.0, -32752.0, 32751.0, 1e30]).near_overflow == 0.75


def test_what_is_not_finite_on_both_sides_is_no_error() -> None:
    found = of([np.inf, 3.0], [np.nan, 4.0])
    assert (found.relative_l2, found.nonfinite, found.largest, found.rms) == (0.25, 0, math.inf, 4.0)


def test_the_worst_output_counts_and_sizes_are_of_all() -> None:
    good, bad = np.array([3.0, 4.0], np.float32), np.array([0.5], np.float32)
    found = deviation([(good, [good]), (bad, [np.array([1.0], np.float32)])])
    assert found.relative_l2 == 0.5
    assert (found.elements, found.largest) == (3, 4.0)
    assert found.rms == pytest.approx(math.sqrt(26 / 3))


def test_an_output_of_zeros_does_not_hide_the_others() -> None:
    zeros, noise = np.zeros(2, np.float32), np.ones(2, np.float32)
    found = deviation([(noise, [zeros]), (noise, [2 * noise])])
    assert found.relative_l2 == 0.5


def test_of_integers_the_share_that_differs() -> None:
    places = np.array([7, 100_000, 3, 1], np.int32)
    found = deviation([(places, [np.array([7, 5], np.int32), np.array([3, 2], np.int32)])])
    assert (found.relative_l2, found.elements, found.integers) == (0.5, 4, 4)
    assert (found.largest, found.rms, found.nonfinite) == (0.0, 0.0, 0), "no size"
    value = np.array([[0.9]], np.float32)
    found = deviation([(value, [np.array([1.0], np.float32)]), (places, [places])])
    assert found.relative_l2 == pytest.approx(0.1, rel=1e-6)
    assert (found.elements, found.integers, found.largest) == (5, 4, 1.0)


def test_nothing_at_all() -> None:
    assert of([], []) == Deviation(0, 0, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0)
