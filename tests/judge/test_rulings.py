"""What a ruling says and rests on: the words, the looks, the shares of the error rate, the images still needed."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from harness.judge.betting import log_capital
from harness.judge.rules import Ruling, rule, schedule
from harness.judge.run import judge
from harness.judge.sequential import AccuracyTest, settle_accuracy, settle_agreement
from harness.judge.spending import high_bounds, low_bounds
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
    test = AccuracyTest(0.02, (images,), 0.95)
    seen = set()
    for lost in range(0, images // 4, 4):
        for gained in range(0, images // 4, 4):
            counts = np.array(lost), np.array(gained)
            asked = {"lost": counts[0], "gained": counts[1], "images": images, "mean": 0.02}
            below, above = (math.exp(min(700.0, float(log_capital(**asked, below=side)))) for side in (True, False))  # type: ignore[arg-type]
            _, won, failed = test.at(0, *counts)
            if abs(below - 100) > 1e-6:
                assert bool(won) is (below > 100)
            if abs(above - 20) > 1e-6:
                assert bool(failed) is (above > 20)
            seen |= {"between"} if 100 / 9 < below < 100 else set()
    assert seen, "no count lies where another share would decide otherwise"


def test_agreement_is_settled_at_its_bounds_and_says_when() -> None:
    """One look at 400 images; 3 % may differ, so the bounds are binomial quantiles of 400 and 0.03."""
    low, high = (int(bounds((400,), 0.03, 0.05)[0]) for bounds in (low_bounds, high_bounds))
    assert binom.cdf(low, 400, 0.03) <= 0.05 < binom.cdf(low + 1, 400, 0.03)
    assert binom.sf(high - 1, 400, 0.03) <= 0.05 < binom.sf(high - 2, 400, 0.03)
    for differing, verdict in (
        (high, Verdict.FAIL),
        (high - 1, Verdict.INCONCLUSIVE),
        (low, Verdict.PASS),
        (low + 1, Verdict.INCONCLUSIVE),
    ):
        agrees = np.arange(400) >= differing
        found = settle_agreement(agrees=agrees, looks=(400,), threshold=0.97, confidence=0.95)
        assert (found.verdict, found.images) == (verdict, 400)


def test_agreement_that_is_perfect_passes_at_the_first_look_that_can_tell() -> None:
    """0.97^n <= 0.05 needs 99 images."""
    found = settle_agreement(agrees=np.ones(150, np.bool_), looks=(99, 150), threshold=0.97, confidence=0.9)
    assert (found.verdict, found.images) == (Verdict.PASS, 99)


def test_images_needed_for_agreement_by_hand() -> None:
    """Nothing differed in 50 images. At half the error rate, 0.97^n <= 0.025: 122; the next multiple of 25 is 125."""
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
