"""Whether red and blue are swapped, told by how sure the reference is of the labels.

Accuracy is too blunt for it: a trained EfficientViT-B0 loses 5 points of 87 on photos as BGR, which 64 images
do not show. But it is less sure of the label on three photos of four, and a swap of channels, unlike
another normalisation, changes neither brightness nor contrast, so that nothing else makes it more or less sure.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.models.exact_tests import sign_test
from harness.models.samples import SampleSet

Outputs = NDArray[np.float32]
Answers = Callable[[SampleSet], Outputs | None]
"""Runs the reference, float32 [n, K]; None where it gives no finite numbers."""

LOOKS: Final = (64, 256)
"""Images looked at: few, and more where those are suspicious."""
SUSPICIOUS = 0.05
LEVEL = 1e-3
"""Largest p-values (two-sided) for looking at more images, and for a warning."""

SWAPPED = "with red and blue swapped"
ADVICE = "the images are BGR and the model wants RGB, or the other way round; swap them"


def first(samples: SampleSet, count: int) -> SampleSet:
    """Return the first `count` samples (all where there are fewer), without calibration images."""
    labels = None if samples.labels is None else samples.labels[:count]
    return replace(samples, x=samples.x[:count], labels=labels, names=samples.names[:count], calibration=None)


def swapped(samples: SampleSet) -> SampleSet | None:
    """Return the samples with red and blue swapped; None where that changes nothing (grey ones)."""
    if samples.x.shape[1] != 3 or np.array_equal(samples.x[:, 0], samples.x[:, 2]):
        return None
    return replace(samples, x=np.ascontiguousarray(samples.x[:, ::-1]), calibration=None)


def likelihoods(outputs: Outputs, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log of the softmax of `outputs` [n, K] at each label, [n]; never above 0."""
    logits = outputs.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray(logits[np.arange(len(labels)), labels] - np.log(np.exp(logits).sum(axis=1)), np.float64)


def surer_when_swapped(samples: SampleSet, reference: Outputs, answers: Answers) -> str:
    """Return a warning where the reference is surer of the labels with red and blue swapped, else ''.

    Surer: on significantly more images than less sure (sign test), on average, and right on no fewer.

    Args:
        samples: with labels.
        reference: float32 [N, K], the reference's outputs for them.
        answers: runs the reference on other samples.
    """
    for count in LOOKS:
        some = first(samples, count)
        other = swapped(some)
        outputs = None if other is None else answers(other)
        if outputs is None or some.labels is None:
            return ""
        given, gains = reference[: len(some)], likelihoods(outputs, some.labels)
        gains -= likelihoods(given, some.labels)
        more, less = int(np.count_nonzero(gains > 0)), int(np.count_nonzero(gains < 0))
        level = sign_test(more, less)
        if more <= less or float(gains.mean()) <= 0.0 or level >= SUSPICIOUS:
            return ""
        before, after = (_right(array, some.labels) for array in (given, outputs))
        if level < LEVEL and after >= before:
            return (
                f"{SWAPPED} the reference is surer of the label on {more} of {len(some)} images, and right "
                f"on {after} of them instead of {before}: {ADVICE}"
            )
    return ""


def _right(outputs: Outputs, labels: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(outputs.argmax(axis=1) == labels))
