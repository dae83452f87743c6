"""What a ruling says and rests on: the words, the looks, the shares of the error rate, the images still needed."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from harness.judge.betting import STAKES, log_capital
from harness.judge.chance import knows_nothing
from harness.judge.rules import Ruling, rule, schedule
from harness.judge.run import judge
from harness.judge.sequential import PairedTest, settle_accuracy, settle_agreement
from harness.judge.stored import KnownFailure
from harness.results import CellResult, Thresholds, Verdict

from .builders import answers, evidence, model, stored

REFERENCE = answers(400)
TRUTH = REFERENCE.argmax(axis=1)


def ruled(
    *,
    lost: range | tuple[int, ...] = (),
    labels: NDArray[np.int64] | None = TRUTH,
    images: int = 400,
    **asked: object,
) -> Ruling:
    """Rule over outputs in which the images `lost` have another top-1."""
    outputs = REFERENCE[:images].copy()
    outputs[list(lost)] = np.roll(outputs[list(lost)], 1, axis=1)
    given: dict[str, object] = {"looks": (images,), "thresholds": Thresholds(), "confidence": 0.95, **asked}
    return rule(reference=REFERENCE, outputs=outputs, labels=labels, **given)  # type: ignore[arg-type]


def test_a_fail_has_its_figures() -> None:
    found = ruled(lost=range(40))
    assert found.verdict is Verdict.FAIL
    assert found.reason == "accuracy drops by 10.00 points on 400 images (40 lost, 0 gained), 2 are allowed"
    assert found.certainty is not None
    assert (found.certainty.decided_at, found.certainty.images_needed) == (400, None)


def test_gains_are_counted_too() -> None:
    """Sixteen images of which the labels are what the device says, and eighty that it loses: 64 of 400."""
    labels = TRUTH.copy()
    labels[80:96] = np.roll(REFERENCE[80:96], 1, axis=1).argmax(axis=1)
    found = ruled(lost=range(96), labels=labels)
    assert found.verdict is Verdict.FAIL
    assert "16.00 points on 400 images (80 lost, 16 gained)" in found.reason


def test_the_figures_are_those_of_the_look_that_settled_it() -> None:
    """All of the first hundred are lost; what came after does not count any more."""
    found = ruled(lost=range(100), looks=(50, 100, 400))
    assert found.certainty is not None
    assert found.certainty.decided_at == 50
    assert "100.00 points on 50 images (50 lost, 0 gained)" in found.reason


def test_an_open_verdict_says_how_many_images_would_settle_it() -> None:
    found = ruled(lost=(0,), images=100)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.certainty is not None
    assert found.certainty.decided_at is None
    assert found.certainty.images_needed is not None
    assert f"about {found.certainty.images_needed} images would settle it" in found.reason
    assert "1.00 points on 100 images (1 lost, 0 gained)" in found.reason
    near = ruled(lost=(0, 1), images=100)
    assert near.certainty is not None
    assert near.certainty.images_needed is None
    assert near.reason.endswith("too near for any number of images")


def test_looking_again_finds_no_knowledge() -> None:
    """400 sets of labels at random, ten classes: a device like the reference, looked at after 64, 96, ... 320 images.

    Asked anew at each look, more than one set in ten seems to be known at one of them; the rate stated is 5 %.
    """
    random = np.random.default_rng(7)
    looks = range(64, 321, 32)
    anew = passed = 0
    for _ in range(400):
        reference = random.normal(size=(320, 10)).astype(np.float32)
        labels = random.integers(0, 10, 320)
        verdicts = [
            rule(
                reference=reference, outputs=reference[:look], labels=labels, looks=[n for n in looks if n <= look],
                thresholds=Thresholds(accuracy_drop_points=5.0), confidence=0.95,
            ).verdict
            for look in looks
        ]  # fmt: skip
        passed += Verdict.PASS in verdicts
        anew += any(
            not knows_nothing(reference=reference[:look], labels=labels[:look], confidence=0.95) for look in looks
        )
    assert anew > 40
    assert binom.sf(passed - 1, 400, 0.05) > 0.01, f"{passed} of 400"


@pytest.mark.parametrize("images", [64, 400])
def test_knowledge_is_asked_of_all_images_of_the_reference(images: int) -> None:
    """The reference is right on the first 64 images and wrong on the others; a tenth right is chance."""
    labels = np.where(np.arange(400) < 64, TRUTH, (TRUTH + 1) % 10)
    found = ruled(labels=labels, images=images, thresholds=Thresholds(accuracy_drop_points=5.0))
    assert found.verdict is Verdict.PASS
    labels[32:64] = (TRUTH[32:64] + 1) % 10
    found = ruled(labels=labels, images=images, thresholds=Thresholds(accuracy_drop_points=5.0))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "right on 32 of 400 images" in found.reason
    assert found.certainty is not None
    assert (found.certainty.decided_at, found.certainty.images_needed) == (None, None)


HALF = np.where(np.arange(400) % 2 == 0, TRUTH, (TRUTH + 1) % 10)


@pytest.mark.parametrize(
    ("labels", "thresholds", "withheld"),
    [
        (TRUTH, Thresholds(accuracy_drop_points=85.0), ""),
        (TRUTH, Thresholds(accuracy_drop_points=95.0), "95 points may be lost, and there are no more than 89."),
        (HALF, Thresholds(accuracy_drop_points=35.0), ""),
        (HALF, Thresholds(accuracy_drop_points=45.0), "45 points may be lost, and there are no more than 40.0"),
        (None, Thresholds(agreement=0.12), ""),
        (None, Thresholds(agreement=0.1), "10 % of agreement are asked, and guessing would agree on 10."),
        (None, Thresholds(agreement=0.0001), "0.01 % of agreement are asked"),
    ],
)
def test_a_threshold_that_guesses_would_keep_is_no_pass(
    labels: NDArray[np.int64] | None, thresholds: Thresholds, withheld: str
) -> None:
    """Ten classes: right on all images 90 points are to lose, on half of them 40, give or take the dealing out."""
    found = ruled(labels=labels, thresholds=thresholds)
    assert found.verdict is (Verdict.INCONCLUSIVE if withheld else Verdict.PASS)
    assert found.reason.startswith(withheld)
    assert bool(found.reason) is bool(withheld)
    assert found.certainty is not None
    assert (found.certainty.decided_at is None) is bool(withheld)


def test_a_failure_stands_whatever_the_threshold() -> None:
    assert ruled(lost=range(400), thresholds=Thresholds(accuracy_drop_points=92.0)).verdict is Verdict.FAIL
    assert ruled(lost=range(400), labels=None, thresholds=Thresholds(agreement=0.05)).verdict is Verdict.FAIL


def test_outputs_that_are_not_finite_are_counted() -> None:
    outputs = REFERENCE.copy()
    outputs[[3, 5], 0] = np.nan
    found = rule(
        reference=REFERENCE, outputs=outputs, labels=TRUTH, looks=(400,), thresholds=Thresholds(), confidence=0.95
    )
    assert (found.verdict, found.reason) == (
        Verdict.FAIL,
        "2 of 400 images have outputs that are not finite",
    )


def test_looks_by_hand() -> None:
    assert schedule((), images=100, batch=25) == (25, 50, 75, 100)
    assert schedule((), images=101, batch=25) == (25, 50, 75, 100, 101)
    assert schedule((), images=99, batch=25) == (25, 50, 75, 99)
    assert schedule((), images=3, batch=1) == (1, 2, 3)
    assert schedule((0, 1, 10, 20), images=15, batch=25) == (1, 10, 15)
    assert schedule((10, 20), images=20, batch=25) == (10, 20)


@pytest.mark.parametrize("images", [400, 1600])
def test_each_bet_has_its_own_share_of_the_error_rate(images: int) -> None:
    """At 95 %: PASS by betting gets a fifth of 0.05, so the capital must reach 100; FAIL has all of it: 20."""
    test = PairedTest(0.02, (images,), 0.95)
    seen = set()
    for lost in range(0, images // 4, 4):
        for gained in range(0, images // 4, 4):
            counts = np.array(lost), np.array(gained)
            asked = {"lost": counts[0], "gained": counts[1], "images": images, "mean": 0.02}
            below, above = (math.exp(min(700.0, float(log_capital(**asked, below=side)))) for side in (True, False))  # type: ignore[arg-type]
            shown = test.at(0, *counts)
            if abs(below - 100) > 1e-6:
                assert bool(shown.won) is (below > 100)
            if abs(above - 20) > 1e-6:
                assert bool(shown.failed) is (above > 20)
            assert not shown.many
            seen |= {"between"} if 100 / 9 < below < 100 else set()
    assert seen, "no count lies where another share would decide otherwise"


def capital(differing: int, images: int, allowed: float) -> float:
    """What betting on more than `allowed` has made of 1: won on images that differ, lost on others."""
    bets = [stake / (1 + allowed) for stake in STAKES]
    left = [(1 + bet * (1 - allowed)) ** differing * (1 - bet * allowed) ** (images - differing) for bet in bets]
    return sum(left) / len(left)


def test_agreement_is_settled_at_its_bounds_and_says_when() -> None:
    """One look at 400 of which 3 % may differ: the binomial quantiles of 0.04, either way."""
    low, high = int(binom.ppf(0.04, 400, 0.03)) - 1, int(binom.isf(0.04, 400, 0.03)) + 1
    assert binom.cdf(low, 400, 0.03) <= 0.04 < binom.cdf(low + 1, 400, 0.03)
    assert binom.sf(high - 1, 400, 0.03) <= 0.04 < binom.sf(high - 2, 400, 0.03)
    assert capital(high - 1, 400, 0.03) < 100, "the bets, at a fifth of the error rate, do not show it earlier"
    for differing, verdict, tried in (
        (high, Verdict.FAIL, ""),
        (high - 1, Verdict.INCONCLUSIVE, ", and betting"),
        (low, Verdict.PASS, ""),
        (low + 1, Verdict.INCONCLUSIVE, ", and betting"),
    ):
        agrees = np.arange(400) >= differing
        found = settle_agreement(agrees=agrees, looks=(400,), threshold=0.97, confidence=0.95)
        assert (found.verdict, found.images) == (verdict, 400)
        assert found.method == f"exact bounds on images that differ{tried}"


def test_agreement_is_settled_by_bets_where_the_bounds_have_spent_their_error() -> None:
    """One image in twenty differs throughout: no bound is reached, and in the end the capital is 100."""
    agrees = np.arange(2000) % 20 >= 1
    looks = range(50, 2001, 50)
    found = settle_agreement(agrees=agrees, looks=looks, threshold=0.97, confidence=0.95)
    first = next(images for images in looks if capital(-(-images // 20), images, 0.03) >= 100)
    assert (found.verdict, found.images, found.method) == (Verdict.FAIL, first, "betting on images that differ")


def test_agreement_that_is_perfect_passes_at_the_first_look_that_can_tell() -> None:
    """0.97^n <= 0.8 * 0.05 needs 106 images."""
    assert 0.97**105 > 0.04 > 0.97**106
    found = settle_agreement(agrees=np.ones(150, np.bool_), looks=(105, 106, 150), threshold=0.97, confidence=0.95)
    assert (found.verdict, found.images) == (Verdict.PASS, 106)


def test_images_needed_for_agreement_by_hand() -> None:
    """Nothing differed in 50 images. 0.97^n <= 0.04: 106; the next multiple of 25 is 125."""
    found = settle_agreement(agrees=np.ones(50, np.bool_), looks=(25, 50), threshold=0.97, confidence=0.95)
    assert (found.verdict, found.needed) == (Verdict.INCONCLUSIVE, 125)


def test_images_needed_for_accuracy_by_hand() -> None:
    """Nothing was lost in 50 images. 0.98^n <= 0.8 * 0.05: 160; the next multiple of 25 is 175."""
    nothing = np.zeros(50, np.bool_)
    found = settle_accuracy(lost=nothing, gained=nothing, looks=(25, 50), threshold=0.02, confidence=0.95)
    assert (found.verdict, found.needed) == (Verdict.INCONCLUSIVE, 175)
    assert 0.98**159 > 0.04 > 0.98**160


def expected(*known: KnownFailure) -> CellResult:
    import dataclasses

    run = stored(evidence(REFERENCE), REFERENCE, model(REFERENCE, TRUTH))
    return judge(dataclasses.replace(run, known_failures=known)).cells[0]


def test_a_known_failure_is_noted_on_its_own_cell() -> None:
    mine = KnownFailure("board", "b0", "fp32", "see the report")
    assert expected(mine).expected == "see the report"
    assert expected().expected is None
    for other in (("board-2", "b0", "fp32"), ("board", "m0", "fp32"), ("board", "b0", "fp16")):
        assert expected(KnownFailure(*other, "no")).expected is None
