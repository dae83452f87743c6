"""Capital: the same by single bets, and worth no more than 1 on average where the claim holds."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.betting import STAKES, log_capital


def by_hand(worths: list[int], mean: float, *, below: bool) -> float:
    """Bet on one image after the other with each stake; return the mean of what is left."""
    left = []
    for stake in STAKES:
        money = 1.0
        for worth in worths:
            gain = mean - worth if below else worth - mean
            most = 1.0 / (1.0 - mean) if below else 1.0 / (1.0 + mean)
            money *= 1.0 + stake * most * gain
        left.append(money)
    return sum(left) / len(left)


def capital(worths: list[int], mean: float, *, below: bool) -> float:
    counts = np.array(worths.count(1)), np.array(worths.count(-1))
    logs = log_capital(lost=counts[0], gained=counts[1], images=len(worths), mean=mean, below=below)
    return math.exp(float(logs))


@given(st.lists(st.sampled_from([-1, 0, 1]), max_size=30), st.floats(0.0, 0.5), st.booleans())
def test_capital_is_that_of_betting_one_by_one(worths: list[int], mean: float, below: bool) -> None:
    assert capital(worths, mean, below=below) == pytest.approx(by_hand(worths, mean, below=below), rel=1e-9)


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("lost", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("mean", [0.0, 0.02, 0.05])
def test_fair_odds(mean: float, lost: float, below: bool) -> None:
    """Over all 3^6 sequences with the claimed mean, capital is worth 1: a fair game, so Ville's bound holds."""
    gained = lost - mean
    chance = {1: lost, -1: gained, 0: 1 - lost - gained}
    total = sum(
        math.prod(chance[worth] for worth in worths) * capital(list(worths), mean, below=below)
        for worths in product((-1, 0, 1), repeat=6)
    )
    assert total == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("below", [True, False])
def test_the_game_is_against_whoever_bets_on_what_is_not_so(below: bool) -> None:
    true_mean = 0.2 if below else 0.0  # the claim 0.1 holds with room
    chance = {1: 0.3, -1: 0.3 - true_mean, 0: 0.4 + true_mean}
    total = sum(
        math.prod(chance[worth] for worth in worths) * capital(list(worths), 0.1, below=below)
        for worths in product((-1, 0, 1), repeat=5)
    )
    assert total < 1.0


def test_no_sequence_ruins() -> None:
    assert capital([1] * 500, 0.05, below=True) > 0.0
    assert capital([-1] * 500, 0.05, below=False) > 0.0


def test_arrays_give_arrays() -> None:
    lost = np.arange(4)
    several = log_capital(lost=lost, gained=np.zeros(4, int), images=40, mean=0.05, below=False)
    single = [
        float(log_capital(lost=np.array(n), gained=np.array(0), images=40, mean=0.05, below=False)) for n in range(4)
    ]
    assert several.tolist() == pytest.approx(single)
    assert sorted(single) == single
