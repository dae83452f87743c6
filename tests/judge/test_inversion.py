"""Intervals: they say what the verdict says, and cover the truth whenever one stops."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

from harness.judge.betting import log_capital
from harness.judge.inversion import Interval, agreement_interval, drop_interval
from harness.judge.sequential import PairedTest, settle_accuracy, settle_agreement
from harness.results import Verdict

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
Flags = NDArray[np.bool_]

POINTS: Final = (0.3, 1.1, 2.0, 5.0, 7.0, 20.0)
"""7 / 100 * 100 is more than 7, and 1.1 / 100 * 100 is more than 1.1: an end at the threshold must not move."""


def flags(worths: list[int]) -> tuple[Flags, Flags]:
    worth = np.array(worths)
    return worth == 1, worth == -1


def drop(worths: list[int], looks: list[int], points: float = 5.0, confidence: float = 0.95) -> Interval:
    lost, gained = flags(worths)
    return drop_interval(lost=lost, gained=gained, looks=looks, allowed_points=points, confidence=confidence)


worths = st.integers(0, 3).flatmap(
    lambda kind: st.lists(
        st.sampled_from([[0] * 60 + [1], [0, 0, 0, 0, 1, -1], [0, 1, 1], [0, 0, -1]][kind]), min_size=40, max_size=200
    )
)


@settings(max_examples=60, deadline=None)
@given(worths, st.sampled_from(POINTS), st.sampled_from([0.8, 0.95]))
def test_the_ends_say_what_the_verdict_says(found: list[int], points: float, confidence: float) -> None:
    looks = [*range(20, len(found), 20), len(found)]
    lost, gained = flags(found)
    settled = settle_accuracy(
        lost=lost, gained=gained, looks=looks, threshold=points / 100, confidence=confidence
    )  # fmt: skip
    low, high = drop(found, looks, points, confidence)
    assert (high <= points) is (settled.verdict is PASS)
    assert (low >= points) is (settled.verdict is FAIL)
    seen = found[: settled.images]
    assert -100.0 <= low < 100.0 * sum(seen) / len(seen) < high <= 100.0


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([0.0, 0.01, 0.05, 0.5]), st.sampled_from([0.3, 0.55, 0.9, 0.97, 0.99]), st.randoms())
def test_the_ends_of_agreement_say_what_the_verdict_says(differ: float, threshold: float, random: object) -> None:
    agrees = np.array([random.random() >= differ for _ in range(160)])  # type: ignore[attr-defined]
    looks = [40, 80, 120, 160]
    given_ = {"agrees": agrees, "looks": looks, "threshold": threshold, "confidence": 0.95}
    settled = settle_agreement(**given_)  # type: ignore[arg-type]
    low, high = agreement_interval(**given_)  # type: ignore[arg-type]
    assert (low >= threshold) is (settled.verdict is PASS)
    assert (high <= threshold) is (settled.verdict is FAIL)
    share = float(agrees[: settled.images].mean())
    assert low <= share <= high
    assert low < share or share == 0.0
    assert share < high or share == 1.0


def test_the_ends_are_where_the_bets_change_their_mind() -> None:
    """60 lost and 55 gained of 320: capital 20 against the lower end, and 100 against the upper one, to the digit."""
    found = [1, -1] * 55 + [1] * 5 + [0] * 205
    low, high = drop(found, [320], 5.0)

    def capital(mean: float, *, below: bool) -> float:
        counts = {"lost": np.array(60), "gained": np.array(55), "images": 320}
        return float(np.exp(log_capital(**counts, mean=mean, below=below)))  # type: ignore[arg-type]

    assert capital(low / 100, below=False) == pytest.approx(20.0, rel=1e-5)
    assert capital(high / 100, below=True) == pytest.approx(100.0, rel=1e-5)


def test_nothing_lost_by_hand() -> None:
    """0.95^64 <= 0.04: shown to be below 5 points, and by no rung less."""
    low, high = drop([0] * 64, [32, 64], 5.0)
    assert high == 5.0
    assert low < 0.0
    # By one lost image that came later nothing is changed, and by one that came before everything.
    assert drop([0] * 64 + [1] * 32, [32, 64, 96], 5.0) == (low, high)
    assert drop([1] + [0] * 63, [32, 64], 5.0)[1] > 5.0


def test_a_threshold_that_many_images_keep_with_room_shows_the_room() -> None:
    """640 images without a flip, looked at once: 1 - 0.04^(1/640) is 0.50 points; the rungs come near it."""
    _, high = drop([0] * 640, [640], 5.0)
    assert 0.5017 <= high <= 0.5017 * 1.23


def test_more_confidence_is_wider() -> None:
    found = ([0] * 17 + [1, 0, -1]) * 10
    wide, narrow = drop(found, [200], 5.0, 0.99), drop(found, [200], 5.0, 0.8)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_looking_more_often_is_never_narrower() -> None:
    """By the count of lost images; the bets do not ask how often."""
    found = ([0] * 39 + [1]) * 8
    once, often = drop(found, [320], 5.0), drop(found, list(range(32, 321, 32)), 5.0)
    assert once[1] <= often[1]
    assert once[0] == often[0]


def test_agreement_that_decides_nothing_is_that_of_all_images() -> None:
    """Failed after 40 images; the other 160 count all the same, unless the verdict rests on the first ones."""
    agrees = np.array([False] * 20 + [True] * 180)
    given_ = {"agrees": agrees, "looks": [40, 200], "threshold": 0.97, "confidence": 0.95}
    judged = agreement_interval(**given_)  # type: ignore[arg-type]
    whole = agreement_interval(**given_, judged=False)  # type: ignore[arg-type]
    assert judged[0] < 0.5 < judged[1] < 0.9
    assert judged[1] < 0.9 < whole[1]
    assert whole[0] > judged[0]


def test_agreement_looked_at_once_is_clopper_and_pearson_within_a_rung() -> None:
    agrees = np.array([False] * 10 + [True] * 190)
    low, high = agreement_interval(agrees=agrees, looks=[200], threshold=0.97, confidence=0.95)
    exact = binomtest(190, 200).proportion_ci(0.92, method="exact")  # each end at 96 %, the bets have the rest
    assert exact.low >= low > 1 - (1 - exact.low) * 1.2215
    assert binom.cdf(10, 200, 1 - low) <= 0.04
    assert exact.high < high < 1.0


CELLS: Final = 1000
LOOKS: Final = (32, 64, 96, 128, 160, 192)
RATES: Final = [(0.05, 0.0), (0.0605, 0.0), (0.06, 0.01), (0.12, 0.0)]


@pytest.mark.parametrize(("lost", "gained"), RATES)
def test_the_truth_is_covered_whenever_one_stops(lost: float, gained: float) -> None:
    """Simulated cells, stopped by whoever wishes the interval to be false: at the first look that excludes the truth.

    Neither end is shown (at 99 %) to be wrong more often than one time in twenty.
    """
    random = np.random.default_rng(20261125)
    steps = random.multinomial(32, [lost, gained, 1 - lost - gained], size=(CELLS, len(LOOKS)))
    test = PairedTest(0.05, LOOKS, 0.95)
    truth = 100 * (lost - gained)
    above, below = np.zeros(CELLS, np.bool_), np.zeros(CELLS, np.bool_)
    running = np.ones(CELLS, np.bool_)
    for index in range(len(LOOKS)):
        counts = steps[:, : index + 1].sum(axis=1)
        for down, up in {(int(one[0]), int(one[1])) for one in counts[running]}:
            those = running & (counts[:, 0] == down) & (counts[:, 1] == up)
            low, high = _interval(steps[int(those.argmax()), : index + 1])
            above[those] |= low > truth
            below[those] |= high < truth
        shown = test.at(index, counts[:, 0], counts[:, 1])
        running &= ~(shown.passed | shown.failed)
    for wrong in (int(above.sum()), int(below.sum())):
        assert binom.sf(wrong - 1, CELLS, 0.05) > 0.01, f"{wrong} of {CELLS}"
    assert above.any() or below.any(), "a false end that never comes is no test of how often it does"


def _interval(steps: NDArray[np.int64]) -> Interval:
    """Return the interval of a cell with these counts between its looks; no look before the last settles it."""
    found = [worth for down, up, rest in steps for worth in (*[1] * down, *[-1] * up, *[0] * rest)]
    return drop(found, list(LOOKS[: len(steps)]))
