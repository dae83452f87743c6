"""The gate before every comparison: arrays that are missing, empty or of another make do not pass."""

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError

Outputs = NDArray[np.float32]


def check_outputs(*, reference: Outputs | None, outputs: Outputs | None) -> tuple[Outputs, Outputs]:
    """Return reference and outputs over the images that both have: float32 [n, K] each, n >= 1, K >= 2.

    Raises:
        FarmError: evidence-missing, output-mismatch or reference-failed; see `metrics.measure`.
    """
    wanted, given = _present("reference", reference), _present("outputs", outputs)
    if given.shape[1] != wanted.shape[1]:
        raise FarmError(
            Code.OUTPUT_MISMATCH, f"the device answers {given.shape[1:]}, the reference {wanted.shape[1:]}"
        )
    if wanted.shape[1] < 2:
        raise FarmError(Code.OUTPUT_MISMATCH, "an output with one class has no top-1 that could be wrong")
    if len(given) > len(wanted):
        raise FarmError(Code.OUTPUT_MISMATCH, f"{len(given)} answers to {len(wanted)} images of the reference")
    wanted = wanted[: len(given)]
    if not np.isfinite(wanted).all():
        raise FarmError(Code.REFERENCE_FAILED, "the reference itself holds values that are not finite")
    return wanted, given


def check_labels(*, labels: NDArray[np.integer], reference: Outputs | None, images: int) -> NDArray[np.integer]:
    """Return the labels of the first `images` images.

    Raises:
        FarmError: output-mismatch where they are not integers [N] for the N rows of the reference,
            bad-samples where one of them is not a class of the model.
    """
    wanted = _present("reference", reference)
    if labels.shape != (len(wanted),) or not np.issubdtype(labels.dtype, np.integer):
        raise FarmError(Code.OUTPUT_MISMATCH, f"labels are {labels.dtype}{labels.shape} for {len(wanted)} images")
    if labels.min() < 0 or labels.max() >= wanted.shape[1]:
        raise FarmError(Code.BAD_SAMPLES, f"labels reach from {labels.min()} to {labels.max()}, "
                        f"the model's classes from 0 to {wanted.shape[1] - 1}")  # fmt: skip
    return labels[:images]


def _present(name: str, array: Outputs | None) -> Outputs:
    if array is None or array.size == 0:
        raise FarmError(Code.EVIDENCE_MISSING, f"the {name} array is {'missing' if array is None else 'empty'}")
    if array.ndim != 2 or array.dtype != np.float32:
        raise FarmError(Code.OUTPUT_MISMATCH, f"the {name} array is {array.dtype}{array.shape}, not float32 [n, K]")
    return array
