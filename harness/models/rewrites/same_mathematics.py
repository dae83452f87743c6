"""Whether a rewritten model computes what the original does: both run by onnxruntime in fp32, on the samples.

Another order of adding moves an fp32 result by some 1e-6 of its size. What a rewrite is meant to repair is a hundred
to a thousand times larger than the bounds here (float16 costs EfficientViT 0.01 to 0.03), so that whatever passes
cannot be mistaken for a repair, nor for a loss.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEDIAN = 1e-4
"""The median relative L2 difference of the images' outputs, at most."""
LARGEST = 1e-3
"""The largest of them, at most."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How two models' outputs differ.

    Attributes:
        median, largest: of the relative L2 differences of the images.
        flips: images whose top class is another one.
        images: how many there are.
    """

    median: float
    largest: float
    flips: int
    images: int

    @property
    def is_none(self) -> bool:
        """Whether both compute the same; false where anything is not finite."""
        return self.median <= MEDIAN and self.largest <= LARGEST and not self.flips

    def __str__(self) -> str:
        return (
            f"relative L2 {self.median:.2g} in the median and {self.largest:.2g} at most (allowed: {MEDIAN:g} and "
            f"{LARGEST:g}), and another top class for {self.flips} of {self.images} images (allowed: none)"
        )


def difference(original: NDArray[np.float32], changed: NDArray[np.float32]) -> Difference:
    """Compare outputs [images, classes] of the original and of the rewritten model."""
    before, after = original.astype(np.float64), changed.astype(np.float64)
    sizes, apart = np.linalg.norm(before, axis=1), np.linalg.norm(after - before, axis=1)
    relative = np.divide(apart, sizes, out=np.where(apart > 0, np.inf, apart), where=sizes > 0)
    relative[np.isnan(relative)] = np.inf  # infinite numbers, and what is no number, differ from everything
    flips = int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
    return Difference(float(np.median(relative)), float(relative.max()), flips, len(before))
