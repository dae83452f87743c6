"""Outputs that are no answers, although a few images of one class could make them look right."""

import numpy as np

from harness.judge.shapes import Outputs


def no_answer(*, reference: Outputs, outputs: Outputs) -> str:
    """Say why `outputs` [n, K] cannot be answers to the images of `reference` [n, K], or return ''.

    Where the samples begin with many images of one class, a constant output would agree with the reference
    throughout. It is told by being the same for every image, or the same for every class,
    where the reference is not.
    """
    if _flat(outputs) and not _flat(reference):
        return "every class has the same output: there is no top-1"
    if len(outputs) > 1 and _repeated(outputs) and not _repeated(reference):
        return "every image has the same output"
    return ""


def _flat(array: Outputs) -> bool:
    return bool((array == array[:, :1]).all())


def _repeated(array: Outputs) -> bool:
    return bool(np.array_equal(array, np.broadcast_to(array[:1], array.shape)))
