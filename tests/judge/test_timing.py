"""Times against numbers worked out by hand."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.timing import grade, summarise, unusable

from .builders import timed


def test_summary_worked_out_by_hand() -> None:
    """Sorted 10 10 11 12 20: median 11, distances 0 1 1 1 9, 90 % at position 3.6 between 12 and 20."""
    found = summarise(timed(12, 10, 20, 11, 10, first_ms=55), emulated=True)
    assert (found.median_ms, found.mad_ms, found.first_ms) == (11.0, 1.0, 55.0)
    assert found.p90_ms == pytest.approx(16.8)
    assert found.drift == pytest.approx(10 / 12), "a third of five is one: the last over the first"
    assert found.emulated
    assert not found.stable


def test_the_limits_of_a_stable_timing() -> None:
    assert summarise(timed(105, 95, 100, 95, 105), emulated=False).stable
    assert not summarise(timed(106, 94, 100, 94, 106), emulated=False).stable
    assert not summarise(timed(100, 100, 100, 100), emulated=False).stable, "too few samples"
    assert not summarise(timed(*[100] * 9, unchanged=False), emulated=False).stable


@pytest.mark.parametrize(
    ("samples", "drift", "graded"),
    [
        ([100.0] * 9, 1.0, "stable"),
        ([100.0] * 4, 1.0, "few"),
        ([100, 900], 1.0, "few"),
        ([100, 101, 99, 100, 100, 100, 108, 109, 107], 1.08, "stable"),
        ([100, 101, 99, 100, 100, 100, 112, 113, 111], 1.12, "drifting"),
        ([112, 113, 111, 100, 100, 100, 99, 100, 101], 100 / 112, "drifting"),
        ([90, 100, 110, 94, 100, 106, 110, 100, 90], 1.0, "noisy"),
        ([100, 100, 100, 150, 150, 150, 200, 200, 200], 2.0, "drifting"),
        ([50, 100, 100, 100, 100, 100, 100, 100, 100, 50], 1.0, "stable"),
    ],
)
def test_drift_and_grade_worked_out_by_hand(samples: list[float], drift: float, graded: str) -> None:
    found = summarise(timed(*samples), emulated=False)
    assert found.drift == pytest.approx(drift)
    assert found.grade == graded
    assert found.stable == (graded == "stable")


@pytest.mark.parametrize(
    ("mad", "drift", "graded"),
    [
        (5.0, 1.1, "stable"),
        (5.01, 1.0, "noisy"),
        (0.0, 1.11, "drifting"),
        (0.0, 1 / 1.1, "stable"),
        (9, 0.9, "drifting"),
    ],
)
def test_the_limits_of_a_grade(mad: float, drift: float, graded: str) -> None:
    assert grade(count=5, median_ms=100.0, mad_ms=mad, drift=drift) == graded
    assert grade(count=4, median_ms=100.0, mad_ms=mad, drift=drift) == "few"


def test_an_output_that_changes_is_never_stable_however_even_its_times() -> None:
    found = summarise(timed(*[100] * 9, unchanged=False), emulated=False)
    assert (found.grade, found.stable) == ("stable", False)


@pytest.mark.parametrize(
    "raw", [timed(), timed(1, -1), timed(0), timed(math.nan), timed(math.inf), timed(1, first_ms=-5)]
)
def test_times_that_are_none_are_refused(raw: object) -> None:
    assert unusable(raw)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"clock|timed"):
        summarise(raw, emulated=False)  # type: ignore[arg-type]


SAMPLES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30)


@given(SAMPLES, st.randoms())
def test_only_drift_depends_on_the_order_and_the_figures_are_ordered(samples: list[float], random: object) -> None:
    found = summarise(timed(*samples), emulated=False)
    random.shuffle(samples)  # type: ignore[attr-defined]
    again = summarise(timed(*samples), emulated=False)
    assert again.model_copy(update={"drift": found.drift, "grade": found.grade, "stable": found.stable}) == found
    assert min(samples) <= found.median_ms <= found.p90_ms * (1 + 1e-12)
    assert found.p90_ms <= max(samples) * (1 + 1e-12)
    assert 0 <= found.mad_ms <= max(samples) - min(samples)


@given(SAMPLES, st.floats(0.1, 10))
def test_drift_is_that_of_the_library_and_no_matter_of_units(samples: list[float], unit: float) -> None:
    found = summarise(timed(*samples), emulated=False)
    if third := len(samples) // 3:
        assert found.drift == pytest.approx(statistics.median(samples[-third:]) / statistics.median(samples[:third]))
    assert summarise(timed(*(ms * unit for ms in samples)), emulated=False).drift == pytest.approx(found.drift)
    backwards = summarise(timed(*reversed(samples)), emulated=False)
    assert backwards.drift * found.drift == pytest.approx(1.0)
