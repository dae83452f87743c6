"""PASS or FAIL of a fully measured cell, from its metrics and the thresholds (point estimates so far)."""

from dataclasses import dataclass

from harness.judge.intervals import clopper_pearson
from harness.results import Cause, Metrics, Thresholds, Verdict


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict with its reason, and its cause where that is known."""

    verdict: Verdict
    reason: str = ""
    cause: Cause | None = None


def by_thresholds(*, metrics: Metrics, classes: int, thresholds: Thresholds, confidence: float) -> Ruling:
    """Judge by accuracy where there are labels, else by agreement with the reference.

    A loss exactly as large as its threshold passes. With labels a pass is withheld (INCONCLUSIVE) where the
    reference is not shown to be better than guessing among `classes`: such a reference cannot lose.
    """
    if metrics.accuracy_drop_points is None:
        return _by_agreement(metrics, thresholds)
    drop, allowed = metrics.accuracy_drop_points, thresholds.accuracy_drop_points
    if drop > allowed:
        return Ruling(Verdict.FAIL, f"accuracy drops by {drop:.2f} points, {allowed:g} are allowed")
    right = round((metrics.reference_accuracy or 0.0) * metrics.images)
    if clopper_pearson(successes=right, trials=metrics.images, confidence=confidence)[0] <= 1.0 / classes:
        reason = f"the reference itself is right on {right} of {metrics.images} images, which guessing could be too"
        return Ruling(Verdict.INCONCLUSIVE, f"{reason}; check labels and preprocessing, or take more images")
    return Ruling(Verdict.PASS)


def _by_agreement(metrics: Metrics, thresholds: Thresholds) -> Ruling:
    share = metrics.top1_agreement
    if share is None:
        return Ruling(Verdict.INCONCLUSIVE, "agreement with the reference was not measured")
    if share < thresholds.agreement:
        return Ruling(
            Verdict.FAIL, f"agrees on {100 * share:.2f} % of the images, {100 * thresholds.agreement:g} % are asked"
        )
    return Ruling(Verdict.PASS)
