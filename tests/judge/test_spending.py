"""Bounds for many looks: held against every possible sequence of outcomes, one by one."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.spending import high_bounds, low_bounds

SCHEDULES = [(8,), (4, 8), (2, 5, 9), (1, 2, 3, 4, 5, 6)]


def crossing(looks: tuple[int, ...], bounds: tuple[int, ...], rate: float) -> float:
    """Probability to be at or below a bound at any look, by adding up all sequences of 0 and 1."""
    total = 0.0
    for outcomes in product((0, 1), repeat=looks[-1]):
        if any(sum(outcomes[:look]) <= bound for look, bound in zip(looks, bounds, strict=True)):
            ones = sum(outcomes)
            total += rate**ones * (1 - rate) ** (looks[-1] - ones)
    return total


@pytest.mark.parametrize("looks", SCHEDULES)
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("error", [0.05, 0.2])
def test_the_error_is_kept_and_no_bound_could_be_larger(looks: tuple[int, ...], rate: float, error: float) -> None:
    bounds = low_bounds(looks, rate, error)
    assert crossing(looks, bounds, rate) <= error + 1e-12
    for index, bound in enumerate(bounds):
        larger = (*bounds[:index], bound + 1)
        assert crossing(looks[: index + 1], larger, rate) > error


@pytest.mark.parametrize("looks", SCHEDULES)
def test_a_larger_rate_crosses_less_often(looks: tuple[int, ...]) -> None:
    bounds = low_bounds(looks, 0.5, 0.2)
    assert crossing(looks, bounds, 0.6) <= crossing(looks, bounds, 0.5)


def test_no_flip_among_64_images_shows_less_than_five_points() -> None:
    """0.95 to the power of 64 is 0.0375, of 32 it is 0.19."""
    assert low_bounds((32, 64), 0.05, 0.04) == (-1, 0)
    assert low_bounds((32, 64), 0.05, 0.0374) == (-1, -1)


def test_high_bounds_are_the_mirror() -> None:
    """0.97 to the power of 25 is 0.467; three or more of 25 have 0.0380, two or more 0.172."""
    assert high_bounds((25,), 0.03, 0.05) == (3,)
    assert high_bounds((25,), 0.03, 0.0379) == (4,)
    assert high_bounds((4,), 0.5, 0.01) == (5,), "4 of 4 have 0.0625: nothing is enough"


def test_where_nothing_may_happen_once_is_too_much() -> None:
    assert high_bounds((10, 20), 0.0, 0.05) == (1, 1)
    assert low_bounds((10, 20), 0.0, 0.05) == (-1, -1)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.floats(0.01, 0.5), st.floats(0.01, 0.2))
def test_what_comes_later_changes_no_bound(steps: list[int], rate: float, error: float) -> None:
    looks = tuple(sum(steps[: n + 1]) for n in range(len(steps)))
    assert low_bounds(looks, rate, error)[:-1] == low_bounds(looks[:-1], rate, error)


@pytest.mark.parametrize("looks", [(5, 5), (5, 4), (0, 3)])
def test_looks_rise(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        low_bounds(looks, 0.1, 0.05)
