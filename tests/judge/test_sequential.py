"""Verdicts under repeated looks: the error rates added up exactly, and what a look may not depend on."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multinomial

from harness.judge.sequential import PairedTest, settle_accuracy, settle_agreement
from harness.results import Verdict

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def flags(images: int, *chosen: int) -> NDArray[np.bool_]:
    found = np.zeros(images, np.bool_)
    found[list(chosen)] = True
    return found


def verdict(lost: int, gained: int = 0, *, images: int = 192, batch: int = 32, points: float = 5.0) -> Verdict:
    """All lost images lie evenly among the images, all gained ones as far from them as may be."""
    where = np.linspace(0, images - 1, max(lost, 1)).astype(int)[:lost]
    there = np.setdiff1d(np.arange(images), where)[:: max(1, images // max(gained, 1) - 1)][:gained]
    looks = range(batch, images + 1, batch)
    return settle_accuracy(
        lost=flags(images, *where), gained=flags(images, *there), looks=list(looks), threshold=points / 100,
        confidence=0.95,
    ).verdict  # fmt: skip


def error_rates(test: PairedTest, lost: float, gained: float) -> tuple[float, float]:
    """Probability of PASS and of FAIL at any look, by the exact distribution of the counts that are still open."""
    alive = np.ones((1, 1))
    rates = [0.0, 0.0]
    for index, (before, images) in enumerate(pairwise((0, *test.looks))):
        step = images - before
        grown = np.zeros((images + 1, images + 1))
        for down in range(step + 1):
            for up in range(step + 1 - down):
                chance = multinomial.pmf([down, up, step - down - up], step, [lost, gained, 1 - lost - gained])
                grown[down : down + before + 1, up : up + before + 1] += chance * alive
        counts = np.meshgrid(np.arange(images + 1), np.arange(images + 1), indexing="ij")
        shown = test.at(index, *counts)
        rates[1] += float(grown[shown.failed].sum())
        rates[0] += float(grown[shown.passed & ~shown.failed].sum())
        grown[shown.passed | shown.failed] = 0.0
        alive = grown
    return rates[0], rates[1]


@pytest.mark.parametrize("gained", [0.0, 0.02, 0.2])
def test_at_the_threshold_neither_statement_is_wrong_too_often(gained: float) -> None:
    test = PairedTest(threshold=0.1, looks=(8, 16, 24, 32), confidence=0.9)
    passed, failed = error_rates(test, 0.1 + gained, gained)
    assert passed <= 0.1
    assert failed <= 0.1
    assert error_rates(test, 0.3 + gained, gained)[0] < passed
    assert error_rates(test, gained, gained)[1] < failed + 1e-12


@pytest.mark.parametrize("allowed", [0.05, 0.1, 0.4])
def test_at_the_threshold_of_agreement_neither_statement_is_wrong_too_often(allowed: float) -> None:
    test = PairedTest(threshold=allowed, looks=(8, 16, 24, 32), confidence=0.9, gains=False)
    passed, failed = error_rates(test, allowed, 0.0)
    assert passed <= 0.1
    assert 0.02 < failed <= 0.1
    assert error_rates(test, min(1.0, 2 * allowed), 0.0)[1] > failed


def test_the_exact_rate_without_gained_images() -> None:
    """At 10 points and 90 %: 0.9^24 = 0.0798 is the first power below 0.08, so no lost image of 24 passes."""
    test = PairedTest(threshold=0.1, looks=(8, 16, 24), confidence=0.9)
    assert error_rates(test, 0.1, 0.0)[0] == pytest.approx(0.9**24, rel=1e-9)


@pytest.mark.parametrize(
    ("lost", "gained", "expected"),
    [(0, 0, PASS), (1, 0, PASS), (12, 0, OPEN), (60, 0, FAIL), (60, 60, PASS), (10, 40, PASS)],
)
def test_verdicts(lost: int, gained: int, expected: Verdict) -> None:
    images = 960 if gained else 192
    assert verdict(lost, gained, images=images) is expected


def test_a_cell_without_a_flip_is_settled_early() -> None:
    none = flags(192)
    found = settle_accuracy(lost=none, gained=none, looks=range(32, 193, 32), threshold=0.05, confidence=0.95)
    assert (found.verdict, found.images, found.needed) == (PASS, 64, None)
    found = settle_accuracy(lost=none, gained=none, looks=range(25, 192, 25), threshold=0.02, confidence=0.95)
    assert (found.verdict, found.images) == (PASS, 175)


def test_an_open_cell_says_how_many_images_it_needs() -> None:
    """No flip among 32: 64 are needed, and settle it."""
    none = flags(32)
    found = settle_accuracy(lost=none, gained=none, looks=[32], threshold=0.05, confidence=0.95)
    assert (found.verdict, found.images, found.needed) == (OPEN, 32, 64)
    at = flags(200, *range(0, 200, 20))  # exactly at the threshold
    found = settle_accuracy(lost=at, gained=flags(200), looks=[100, 200], threshold=0.05, confidence=0.95)
    assert (found.verdict, found.needed) == (OPEN, None)


def test_an_open_cell_that_loses_a_lot_is_told_when_that_would_be_shown() -> None:
    """One in ten is lost where one in twenty may be: that many images more of the same kind settle it."""
    tenth = flags(1000, *range(0, 1000, 10))
    open_yet = settle_accuracy(
        lost=tenth[:40], gained=flags(40), looks=[20, 40], threshold=0.05, confidence=0.95
    )  # fmt: skip
    assert open_yet.verdict is OPEN
    assert open_yet.needed is not None
    assert open_yet.needed % 20 == 0
    at = [open_yet.needed // 2, open_yet.needed]
    found = [
        settle_accuracy(lost=tenth[:n], gained=flags(n), looks=[n], threshold=0.05, confidence=0.95).verdict
        for n in at
    ]
    assert found == [OPEN, FAIL]


def test_no_drop_allowed_is_never_shown() -> None:
    none = flags(1000)
    found = settle_accuracy(lost=none, gained=none, looks=[500, 1000], threshold=0.0, confidence=0.95)
    assert (found.verdict, found.needed) == (OPEN, None)


answers = st.lists(st.sampled_from([-1, 0, 0, 0, 0, 0, 1]), min_size=40, max_size=160)


@settings(max_examples=60, deadline=None)
@given(answers, st.sampled_from([0.02, 0.05, 0.2]))
def test_what_comes_after_a_verdict_does_not_change_it(worths: list[int], threshold: float) -> None:
    worth = np.array(worths)
    looks = list(range(20, len(worth) + 1, 20))
    whole = settle_accuracy(lost=worth == 1, gained=worth == -1, looks=looks, threshold=threshold, confidence=0.9)
    for look in looks:
        part = settle_accuracy(
            lost=worth[:look] == 1, gained=worth[:look] == -1, looks=looks[: looks.index(look) + 1],
            threshold=threshold, confidence=0.9,
        )  # fmt: skip
        if look < whole.images:
            assert part.verdict is OPEN
        else:
            assert (part.verdict, part.images) == (whole.verdict, whole.images) or whole.verdict is OPEN


@settings(max_examples=60, deadline=None)
@given(answers, st.data())
def test_one_more_lost_image_never_helps(worths: list[int], data: st.DataObject) -> None:
    worth = np.array(worths)
    worse = worth.copy()
    worse[data.draw(st.integers(0, len(worth) - 1))] = 1
    found = [
        settle_accuracy(lost=w == 1, gained=w == -1, looks=[len(w)], threshold=0.05, confidence=0.9).verdict
        for w in (worth, worse)
    ]
    order = [PASS, OPEN, FAIL]
    assert order.index(found[1]) >= order.index(found[0])


@pytest.mark.parametrize(("differing", "expected"), [(0, PASS), (6, OPEN), (20, FAIL)])
def test_agreement(differing: int, expected: Verdict) -> None:
    """97 % are asked of 200 images; 6 that differ are exactly that."""
    agrees = ~flags(200, *np.linspace(7, 199, differing).astype(int))
    found = settle_agreement(agrees=agrees, looks=[100, 200], threshold=0.97, confidence=0.95)
    assert found.verdict is expected


@pytest.mark.parametrize(("rate", "expected"), [(0.01, PASS), (0.06, FAIL)])
def test_more_images_settle_agreement_in_the_end(rate: float, expected: Verdict) -> None:
    """97 % are asked. Exact bounds spend their error early, and by themselves leave one in four open for good."""
    random = np.random.default_rng(1)
    found = [
        settle_agreement(
            agrees=random.random(2000) >= rate, looks=range(50, 2001, 50), threshold=0.97, confidence=0.95
        ).verdict
        for _ in range(60)
    ]
    assert found.count(expected) >= 58


@pytest.mark.parametrize("looks", [[], [41]])
def test_looks_are_at_images_that_are_there(looks: list[int]) -> None:
    with pytest.raises(ValueError, match="looks"):
        settle_accuracy(lost=flags(40), gained=flags(40), looks=looks, threshold=0.05, confidence=0.95)
    with pytest.raises(ValueError, match="looks"):
        settle_agreement(agrees=flags(40), looks=looks, threshold=0.97, confidence=0.95)
