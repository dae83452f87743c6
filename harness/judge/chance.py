"""What guessing could do as well: a reference that knows nothing cannot lose, a limit at chance cannot be missed."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from harness.judge.shapes import Outputs
from harness.results import Thresholds


def by_chance(*, reference: Outputs, labels: NDArray[np.integer]) -> float:
    """Return the share (0..1) of images that would be right by chance, at least one in K classes.

    By chance: the same answers and the same labels, dealt out anew; the sum over classes of the share of
    answers times the share of labels. It is what Cohen's kappa takes away: Cohen, Educational and
    Psychological Measurement 20 (1960) 37-46. Where half of the images are of one class, which the
    reference favours, one in K would be far too little to ask. Where all are of one class there is nothing to
    deal out, and one in K it is.

    Args:
        reference: float32 [n, K], K >= 2, of the same images as the labels.
        labels: integers [n] in 0..K-1, n >= 1.
    """
    classes = reference.shape[1]
    answers = np.bincount(reference.argmax(axis=1), minlength=classes) / len(reference)
    truth = np.bincount(labels, minlength=classes) / len(labels)
    return float(max(1.0 / classes, answers @ truth)) if truth.max() < 1.0 else 1.0 / classes


def knows_nothing(*, reference: Outputs, labels: NDArray[np.integer], confidence: float) -> str:
    """Say that the reference is not shown to be better than chance, one-sided at `confidence`, or return ''.

    The test is binomial with `by_chance` as the share. Takes what `by_chance` takes.
    """
    images = len(labels)
    right = int(np.count_nonzero(reference.argmax(axis=1) == labels))
    chance = by_chance(reference=reference, labels=labels)
    # So many right or more, as so many wrong or fewer: one minus a number near 1 would lose its digits.
    if float(bdtr(images - right, images, 1.0 - chance)) < 1.0 - confidence:
        return ""
    return (
        f"the reference itself is right on {right} of {images} images, which guessing could be too "
        f"({100 * chance:.0f} % by chance); check labels and preprocessing, or take more images"
    )


def cannot_fail(*, reference: Outputs, labels: NDArray[np.integer] | None, thresholds: Thresholds) -> str:
    """Say that answers which know nothing would be within the threshold, or return ''.

    With labels: there is no more to lose than what the reference's accuracy has above `by_chance`, and to allow that
    much is to allow everything. Without: the reference's own answers, dealt out anew, would agree on as many images
    as are asked for.

    Args:
        reference: float32 [n, K], K >= 2, n >= 1.
        labels: integers [n] in 0..K-1, or None.
        thresholds: what is allowed.
    """
    answers = reference.argmax(axis=1)
    chance = by_chance(reference=reference, labels=answers if labels is None else labels)
    if labels is None:
        asked = thresholds.agreement
        words = f"{100 * asked:g} % of agreement are asked, and guessing would agree on {100 * chance:.1f} %"
        return f"{words}: no device could fail; ask for more" if asked <= chance else ""
    right = float(np.mean(answers == labels))
    allowed = thresholds.accuracy_drop_points
    words = (
        f"{allowed:g} points may be lost, and there are no more than {100 * (right - chance):.1f} to lose "
        f"({100 * right:.1f} % right, {100 * chance:.1f} % by chance)"
    )
    return f"{words}: no device could fail; allow less" if allowed >= 100.0 * (right - chance) else ""
