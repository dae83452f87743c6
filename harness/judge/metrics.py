"""How far a cell's outputs are from the reference: distances, agreement, accuracy."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.judge.inversion import agreement_interval, drop_interval
from harness.judge.shapes import Outputs, check_labels, check_outputs
from harness.results import Metrics, Thresholds

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_USUAL: Final = Thresholds()


def measure(
    *, reference: Outputs | None, outputs: Outputs | None, labels: NDArray[np.integer] | None = None,
    looks: Sequence[int] = (), thresholds: Thresholds = _USUAL, confidence: float = 0.95,
) -> Metrics:  # fmt: skip
    """Compare outputs with the reference, image by image, in float64.

    Top-1 is `numpy.argmax` on both sides: of equal largest values the first one counts. An image with any
    non-finite output is never left out: it counts as disagreeing and as wrong, its distances are
    infinite and its cosine is minus infinity; a median of which it is part may be infinite too.
    The accuracy drop is 100 * (reference accuracy - accuracy), in points, over the same images. The intervals are
    those of the tests that decide the verdict, at the look that settles it (`harness.judge.inversion`); with labels,
    agreement decides nothing, and its interval is that of all images.

    Args:
        reference: float32 [N, K], what onnxruntime answered; finite.
        outputs: float32 [n, K] with 1 <= n <= N, what the device answered to the first n images.
        labels: integers [N] in 0..K-1, or None.
        looks: after how many images the cell was looked at, rising, the last at most n; none: once, at all.
        thresholds: by which the looks may have ended.
        confidence: of each end of the intervals.

    Raises:
        FarmError: output-mismatch for other shapes or types, evidence-missing where one of the arrays is
            missing or empty, reference-failed for a reference that is not finite, bad-samples for labels
            outside the classes.
    """
    wanted, given = check_outputs(reference=reference, outputs=outputs)
    images = len(given)
    finite: Flags = np.all(np.isfinite(given), axis=1)
    agrees = finite & (given.argmax(axis=1) == wanted.argmax(axis=1))
    seen = tuple(looks) or (images,)
    metrics = Metrics(
        images=images,
        nonfinite=int(np.count_nonzero(~finite)),
        top1_agreement=_share(agrees),
        agreement_interval=agreement_interval(
            agrees=agrees,
            looks=seen,
            threshold=thresholds.agreement,
            confidence=confidence,
            judged=labels is None,
        ),
        **_distances(wanted.astype(np.float64), given.astype(np.float64), finite),
    )
    if labels is None:
        return metrics
    truth = check_labels(labels=labels, reference=reference, images=images)
    right = finite & (given.argmax(axis=1) == truth)
    reference_right = wanted.argmax(axis=1) == truth
    interval = drop_interval(
        lost=reference_right & ~right,
        gained=right & ~reference_right,
        looks=seen,
        allowed_points=thresholds.accuracy_drop_points,
        confidence=confidence,
    )
    return metrics.model_copy(update={**_accuracy(right, reference_right), "accuracy_drop_interval": interval})


def relative_l2(*, reference: Floats, outputs: Floats) -> Floats:
    """Return ||outputs - reference|| / ||reference|| per row of [n, K].

    Where the reference is zero: 0 if the outputs are zero too, else infinity.
    """
    distance = np.linalg.norm(outputs - reference, axis=1)
    size = np.linalg.norm(reference, axis=1)
    result = np.full(len(distance), np.inf)
    np.divide(distance, size, out=result, where=size > 0)
    result[(size == 0) & (distance == 0)] = 0.0
    return result


def cosine(*, reference: Floats, outputs: Floats) -> Floats:
    """Return the cosine per row of [n, K], clipped to -1..1; two zero rows give 1, one alone gives 0."""
    squares = (reference**2).sum(axis=1), (outputs**2).sum(axis=1)
    # One square root of the product, so that equal rows give exactly 1.
    size = np.sqrt(squares[0] * squares[1])
    result = np.zeros(len(size))
    np.divide((reference * outputs).sum(axis=1), size, out=result, where=size > 0)
    result[(squares[0] == 0) & (squares[1] == 0)] = 1.0
    return np.clip(result, -1.0, 1.0)


def _distances(wanted: Floats, given: Floats, finite: Flags) -> dict[str, float]:
    far = np.full(len(given), np.inf)
    near = np.full(len(given), -np.inf)
    largest = far.copy()
    kept = {"reference": wanted[finite], "outputs": given[finite]}
    far[finite] = relative_l2(**kept)
    near[finite] = cosine(**kept)
    largest[finite] = np.abs(kept["outputs"] - kept["reference"]).max(axis=1)
    return {
        "cosine_min": float(near.min()),
        "cosine_median": float(np.median(near)),
        "relative_l2_median": float(np.median(far)),
        "max_abs": float(largest.max()),
    }


def _accuracy(right: Flags, reference_right: Flags) -> dict[str, float]:
    lost = int(np.count_nonzero(reference_right & ~right))
    gained = int(np.count_nonzero(~reference_right & right))
    return {
        "top1_accuracy": _share(right),
        "reference_accuracy": _share(reference_right),
        # From the counts, so that no rounding of two shares moves it across a threshold.
        "accuracy_drop_points": 100.0 * (lost - gained) / len(right),
    }


def _share(flags: Flags) -> float:
    return float(np.count_nonzero(flags) / len(flags))
