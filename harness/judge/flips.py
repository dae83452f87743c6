"""Images that changed sides, and how near to it they were."""

import numpy as np
from numpy.typing import NDArray

from harness.judge.shapes import Outputs
from harness.results import Flip


def flips(*, reference: Outputs, outputs: Outputs, labels: NDArray[np.integer] | None = None) -> tuple[Flip, ...]:
    """Return the images whose top-1 is not the reference's, in their order.

    The margin is the reference's largest output minus its second largest: a flip at 0.001 may happen to any
    arithmetic but the reference's own, one at 4 may not. An image whose output is not finite counts as flipped.

    Args:
        reference: float32 [N, K], K >= 2, finite.
        outputs: float32 [n, K] with n <= N.
        labels: integers [N], or None.
    """
    wanted = reference[: len(outputs)]
    finite: NDArray[np.bool_] = np.all(np.isfinite(outputs), axis=1)
    first, given = wanted.argmax(axis=1), outputs.argmax(axis=1)
    two = np.partition(wanted.astype(np.float64), -2, axis=1)[:, -2:]
    margins = two[:, 1] - two[:, 0]
    return tuple(
        Flip(
            image=int(image),
            reference=int(first[image]),
            given=int(given[image]) if finite[image] else None,
            label=None if labels is None else int(labels[image]),
            margin=float(margins[image]),
        )
        for image in np.flatnonzero(~finite | (first != given))
    )
