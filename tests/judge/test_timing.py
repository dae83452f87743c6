"""Times against numbers worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.timing import summarise, unusable

from .builders import timed


def test_summary_worked_out_by_hand() -> None:
    """Sorted 10 10 11 12 20: median 11, distances 0 1 1 1 9, 90 % at position 3.6 between 12 and 20."""
    found = summarise(timed(12, 10, 20, 11, 10, first_ms=55), emulated=True)
    assert (found.median_ms, found.mad_ms, found.first_ms) == (11.0, 1.0, 55.0)
    assert found.p90_ms == pytest.approx(16.8)
    assert found.emulated
    assert not found.stable


def test_the_limits_of_a_stable_timing() -> None:
    assert summarise(timed(95, 95, 100, 105, 105), emulated=False).stable
    assert not summarise(timed(94, 94, 100, 106, 106), emulated=False).stable
    assert not summarise(timed(100, 100, 100, 100), emulated=False).stable, "too few samples"
    assert not summarise(timed(*[100] * 9, unchanged=False), emulated=False).stable


@pytest.mark.parametrize(
    "raw", [timed(), timed(1, -1), timed(0), timed(math.nan), timed(math.inf), timed(1, first_ms=-5)]
)
def test_times_that_are_none_are_refused(raw: object) -> None:
    assert unusable(raw)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"clock|timed"):
        summarise(raw, emulated=False)  # type: ignore[arg-type]


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30), st.randoms())
def test_order_does_not_matter_and_the_figures_are_ordered(samples: list[float], random: object) -> None:
    found = summarise(timed(*samples), emulated=False)
    random.shuffle(samples)  # type: ignore[attr-defined]
    assert summarise(timed(*samples), emulated=False) == found
    assert min(samples) <= found.median_ms <= found.p90_ms * (1 + 1e-12)
    assert found.p90_ms <= max(samples) * (1 + 1e-12)
    assert 0 <= found.mad_ms <= max(samples) - min(samples)
