"""PASS, FAIL or not yet: what a cell's answers are sure of, by the thresholds, after the looks at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.judge.chance import cannot_fail, knows_nothing
from harness.judge.garbage import no_answer
from harness.judge.sequential import Settled, settle_accuracy, settle_agreement
from harness.judge.shapes import Outputs
from harness.results import Cause, Certainty, Thresholds, Verdict


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict with its reason, its cause where that is known, and how sure it is where that was asked."""

    verdict: Verdict
    reason: str = ""
    cause: Cause | None = None
    certainty: Certainty | None = None


def rule(
    *, reference: Outputs, outputs: Outputs, labels: NDArray[np.integer] | None, looks: Sequence[int],
    thresholds: Thresholds, confidence: float,
) -> Ruling:  # fmt: skip
    """Judge by accuracy where there are labels, else by agreement with the reference.

    Outputs that are not finite, or no answers at all, fail at once. Then `harness.judge.sequential` decides. A pass
    is withheld (INCONCLUSIVE) where it would say nothing: the reference is not shown to know anything of the labels,
    or the threshold allows whatever there is to lose. Both are asked of all images of the reference, which are known
    before any device answers: asked anew at every look, guesses would seem to be knowledge at one of them.

    Args:
        reference: float32 [N, K], finite.
        outputs: float32 [n, K] with 1 <= n <= N, answers to the first n images.
        labels: integers [N] in 0..K-1, or None.
        looks: after how many images the cell was looked at, rising, the last at most n.
        thresholds: what is allowed.
        confidence: of PASS and of FAIL, each one-sided, over all looks together.
    """
    wanted = reference[: len(outputs)]
    finite = np.isfinite(outputs).all(axis=1)
    if not finite.all():
        broken = f"{np.count_nonzero(~finite)} of {len(outputs)} images have outputs that are not finite"
        return Ruling(Verdict.FAIL, broken, Cause.NON_FINITE)
    if nonsense := no_answer(reference=wanted, outputs=outputs):
        return Ruling(Verdict.FAIL, nonsense)
    answered, expected = outputs.argmax(axis=1), wanted.argmax(axis=1)
    if labels is None:
        agrees = answered == expected
        settled = settle_agreement(agrees=agrees, looks=looks, threshold=thresholds.agreement, confidence=confidence)
        seen = f"agrees on {_percent(agrees[: settled.images])}, {100 * thresholds.agreement:g} % are asked"
        withheld = cannot_fail(reference=reference, labels=None, thresholds=thresholds)
        return _ruling(settled, seen, confidence, withheld)
    truth = labels[: len(outputs)]
    lost, gained = (expected == truth) & (answered != truth), (expected != truth) & (answered == truth)
    allowed = thresholds.accuracy_drop_points
    share = allowed / 100.0
    settled = settle_accuracy(lost=lost, gained=gained, looks=looks, threshold=share, confidence=confidence)
    withheld = knows_nothing(reference=reference, labels=labels, confidence=confidence) or cannot_fail(
        reference=reference, labels=labels, thresholds=thresholds
    )
    part = slice(0, settled.images)
    return _ruling(settled, _drop(lost[part], gained[part], allowed), confidence, withheld)


def schedule(looks: Sequence[int], *, images: int, batch: int) -> tuple[int, ...]:
    """Return the looks at a cell: those on record, else one after each batch; always one at all its images.

    Raises:
        FarmError: evidence-missing where those on record do not rise, as looks do.
    """
    if any(later <= earlier for earlier, later in pairwise(looks)):
        raise FarmError(Code.EVIDENCE_MISSING, "the looks on record do not rise")
    known = tuple(looks) or tuple(range(batch, images + 1, batch))
    within = tuple(look for look in known if 0 < look <= images)
    return within if within and within[-1] == images else (*within, images)


def _drop(lost: NDArray[np.bool_], gained: NDArray[np.bool_], allowed: float) -> str:
    down, up, images = int(np.count_nonzero(lost)), int(np.count_nonzero(gained)), len(lost)
    points = 100.0 * (down - up) / images
    seen = f"{points:.2f} points on {images} images ({down} lost, {up} gained)"
    return f"accuracy drops by {seen}, {allowed:g} are allowed"


def _percent(agrees: NDArray[np.bool_]) -> str:
    return f"{100.0 * np.count_nonzero(agrees) / len(agrees):.2f} % of {len(agrees)} images"


def _ruling(settled: Settled, seen: str, confidence: float, withheld: str) -> Ruling:
    """Return the ruling; `withheld` says why it may not be a pass."""
    passes = settled.verdict is Verdict.PASS
    undecided = settled.verdict is Verdict.INCONCLUSIVE or (passes and bool(withheld))
    certainty = _certainty(settled, confidence, decided=not undecided)
    if passes:
        verdict = Verdict.INCONCLUSIVE if withheld else Verdict.PASS
        return Ruling(verdict, withheld, certainty=certainty)
    if settled.verdict is Verdict.FAIL:
        return Ruling(Verdict.FAIL, seen, certainty=certainty)
    more = f"about {settled.needed} images would settle it" if settled.needed else "too near for any number of images"
    return Ruling(Verdict.INCONCLUSIVE, f"not certain: {seen}; {more}", certainty=certainty)


def _certainty(settled: Settled, confidence: float, *, decided: bool) -> Certainty:
    return Certainty(
        confidence=confidence,
        method=settled.method,
        decided_at=settled.images if decided else None,
        images_needed=None if decided else settled.needed,
    )
