"""Bounds at many rates: nested, each within its error, and ends of intervals that no stopping can falsify."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from harness.judge.ladder import RUNGS, STEP, low_bounds, rung_bounds, upper_end
from harness.judge.spending import spent

from .test_spending import crossing

LOOKS = (3, 6, 9)


def odds(rate: float) -> float:
    return rate / (1 - rate)


def test_rungs_are_equal_steps_in_log_odds() -> None:
    """The bounds of a rung, where no cap binds, are those of the rate at these odds: e^0.2 = 1.2214 a step."""
    assert STEP == 0.2
    for rung, factor in ((1, 1.221402758), (5, 2.718281828), (-1, 0.818730753)):
        rate = odds(0.05) * factor / (1 + odds(0.05) * factor)
        assert rung_bounds((100,), 0.05, 0.04, rung) == spent((100,), rate, 0.04)


@pytest.mark.parametrize(("rate", "error"), [(0.05, 0.04), (0.02, 0.04), (0.03, 0.05), (0.4, 0.1)])
@pytest.mark.parametrize("looks", [tuple(range(32, 321, 32)), tuple(range(25, 501, 25)), tuple(range(1, 21))])
def test_what_refutes_a_rate_refutes_every_larger_one(looks: tuple[int, ...], rate: float, error: float) -> None:
    below: tuple[int, ...] = (-1,) * len(looks)
    for rung in range(-RUNGS, RUNGS + 1):
        bounds = rung_bounds(looks, rate, error, rung)
        assert all(lower <= bound for lower, bound in zip(below, bounds, strict=True))
        below = bounds


def test_bounds_of_spending_alone_are_not_nested() -> None:
    """Else there would be no need of a ladder: at some look a count refutes 4.9 % and not 5 %."""
    looks = tuple(range(32, 321, 32))
    lower, higher = spent(looks, 0.049, 0.04), spent(looks, 0.05, 0.04)
    assert any(low > high for low, high in zip(lower, higher, strict=True))


@pytest.mark.parametrize("rung", [-6, -1, 0, 1, 6])
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_every_rung_keeps_its_error(rate: float, rung: int) -> None:
    scale = odds(rate) * 2.718281828459045 ** (0.2 * rung)
    assert crossing(LOOKS, rung_bounds(LOOKS, rate, 0.2, rung), scale / (1 + scale)) <= 0.2 + 1e-9


@pytest.mark.parametrize(
    ("threshold", "looks"),
    [
        (0.05, range(32, 321, 32)),
        (0.02, range(25, 501, 25)),
        (0.1, range(25, 201, 25)),
        (0.01, range(50, 1001, 50)),
    ],
)
def test_the_ladder_costs_nothing_at_the_usual_schedules(threshold: float, looks: range) -> None:
    assert low_bounds(tuple(looks), threshold, 0.04) == spent(tuple(looks), threshold, 0.04)


def test_where_nothing_may_happen_once_is_too_much() -> None:
    assert low_bounds((10, 20), 0.0, 0.05) == (-1, -1)
    assert low_bounds((10, 20), 1.0, 0.05) == (9, 19)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.floats(0.01, 0.5), st.floats(0.01, 0.2))
@settings(max_examples=20, deadline=None)
def test_what_comes_later_changes_no_bound(steps: list[int], rate: float, error: float) -> None:
    looks = tuple(sum(steps[: n + 1]) for n in range(len(steps)))
    assert low_bounds(looks, rate, error)[:-1] == low_bounds(looks[:-1], rate, error)


@pytest.mark.parametrize("looks", [(5, 5), (5, 4), (0, 3)])
def test_looks_rise(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        low_bounds(looks, 0.1, 0.05)


def test_an_end_by_hand() -> None:
    """Nothing in 100 refutes r where (1-r)^100 <= 0.05, from 2.95 % on: 3 %, and not 2.47 %, a rung below."""
    assert upper_end(0, looks=(100,), rate=0.03, error=0.05) == 0.03
    above = upper_end(0, looks=(100,), rate=0.0247, error=0.05)
    assert odds(above) == pytest.approx(odds(0.0247) * 1.2214, rel=1e-4)
    below = upper_end(0, looks=(200,), rate=0.03, error=0.05)
    assert 1 - 0.05 ** (1 / 200) <= below < 1 - 0.05 ** (1 / 200) + 0.003
    assert upper_end(100, looks=(100,), rate=0.03, error=0.05) == 1.0


@given(st.integers(0, 120), st.floats(0.01, 0.9), st.sampled_from([(120,), (40, 80, 120)]))
@settings(max_examples=60, deadline=None)
def test_an_end_is_at_the_rate_or_below_exactly_where_the_bound_is_kept(
    count: int, rate: float, looks: tuple[int, ...]
) -> None:
    end = upper_end(count, looks=looks, rate=rate, error=0.05)
    assert (end <= rate) is (count <= low_bounds(looks, rate, 0.05)[-1])
    assert end > count / 120 or end == 1.0
    if len(looks) == 1 and end < 1.0:
        assert binom.cdf(count, 120, end) <= 0.05, "Clopper and Pearson's bound is no larger"


@pytest.mark.parametrize("true", [0.05, 0.13, 0.2, 0.31, 0.5, 0.8])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_no_stopping_makes_an_end_wrong_too_often(true: float, rate: float) -> None:
    """The worst of all ways to stop, by adding up every sequence: at the first look that shows a false end."""
    ends = {
        (look, count): upper_end(count, looks=LOOKS[: index + 1], rate=rate, error=0.1)
        for index, look in enumerate(LOOKS)
        for count in range(look + 1)
    }
    wrong = 0.0
    for outcomes in product((0, 1), repeat=LOOKS[-1]):
        if any(ends[look, sum(outcomes[:look])] <= true for look in LOOKS):
            ones = sum(outcomes)
            wrong += true**ones * (1 - true) ** (LOOKS[-1] - ones)
    assert wrong <= 0.1 + 1e-9
