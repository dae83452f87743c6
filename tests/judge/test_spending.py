"""Bounds for many looks: held against every possible sequence of outcomes, one by one."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.spending import spent

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
    bounds = spent(looks, rate, error)
    assert crossing(looks, bounds, rate) <= error + 1e-12
    for index, bound in enumerate(bounds):
        larger = (*bounds[:index], bound + 1)
        assert crossing(looks[: index + 1], larger, rate) > error


@pytest.mark.parametrize("looks", SCHEDULES)
def test_a_larger_rate_crosses_less_often(looks: tuple[int, ...]) -> None:
    bounds = spent(looks, 0.5, 0.2)
    assert crossing(looks, bounds, 0.6) <= crossing(looks, bounds, 0.5)


def test_no_flip_among_64_images_shows_less_than_five_points() -> None:
    """0.95 to the power of 64 is 0.0375, of 32 it is 0.19."""
    assert spent((32, 64), 0.05, 0.04) == (-1, 0)
    assert spent((32, 64), 0.05, 0.0374) == (-1, -1)


def test_where_nothing_may_happen_once_is_too_much() -> None:
    assert spent((10, 20), 0.0, 0.05) == (-1, -1)


@pytest.mark.parametrize("caps", [(0, 1, 3), (-1, 5, 5), (2, 0, 0), (-1, -1, -1)])
def test_what_a_cap_leaves_unspent_is_spent_later(caps: tuple[int, ...]) -> None:
    """Held against every sequence: within the caps, within the error, and no bound below its cap could be larger."""
    looks = (3, 6, 9)
    bounds = spent(looks, 0.5, 0.3, caps)
    assert all(bound <= cap for bound, cap in zip(bounds, caps, strict=True))
    assert crossing(looks, bounds, 0.5) <= 0.3 + 1e-12
    for index, bound in enumerate(bounds):
        larger = (*bounds[:index], bound + 1)
        assert bound == caps[index] or crossing(looks[: index + 1], larger, 0.5) > 0.3


def test_a_cap_moves_the_error_to_the_next_look() -> None:
    """Of 4 and 8 at one half: 0 of 4 has 0.0625. Without it, 1 of 8 at most has 9/256, 2 at most 37/256."""
    assert spent((4, 8), 0.5, 0.07) == (0, 0)
    assert spent((4, 8), 0.5, 0.07, (-1, 8)) == (-1, 1)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.floats(0.01, 0.5), st.floats(0.01, 0.2))
def test_what_comes_later_changes_no_bound(steps: list[int], rate: float, error: float) -> None:
    looks = tuple(sum(steps[: n + 1]) for n in range(len(steps)))
    assert spent(looks, rate, error)[:-1] == spent(looks[:-1], rate, error)


@pytest.mark.parametrize("looks", [(5, 5), (5, 4), (0, 3)])
def test_looks_rise(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        spent(looks, 0.1, 0.05)
