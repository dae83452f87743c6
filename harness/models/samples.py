"""Samples: the images that models are judged on, and others, held apart, that int8 is calibrated on."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.agent.preprocess import prepared

Pixels = NDArray[Any]
"""Images [N, C, H, W]: uint8 pixels that are still to be normalised, or float32 that is used as it is."""


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Images for one model, all of its size.

    Attributes:
        x: [N, C, H, W], uint8 (C may be 1 where the model takes 3: it is repeated) or float32.
        labels: int64 [N], or None.
        mean, std: per channel, of pixels in 0..1; empty for float32 images.
        names: one a sample, for the report.
        calibration: like `x`, images that are not in `x`, or None.
        no_calibration: why there are none, else empty.
    """

    x: Pixels
    labels: NDArray[np.int64] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    names: tuple[str, ...]
    calibration: Pixels | None = None
    no_calibration: str = ""

    def __len__(self) -> int:
        return len(self.x)

    def fed(self, index: int) -> NDArray[np.float32]:
        """Return one image as a model is fed it, float32 [1, C, H, W]."""
        return np.asarray(prepared(self.x, index, self.mean, self.std), np.float32)

    def only(self, indices: Sequence[int]) -> "SampleSet":
        """Return the samples at these positions, in this order; images for calibration stay."""
        chosen = list(indices)
        labels = None if self.labels is None else self.labels[chosen]
        return replace(self, x=self.x[chosen], labels=labels, names=tuple(self.names[index] for index in chosen))

    @cached_property
    def digest(self) -> str:
        """The sha256 of what a model is fed: pixels and normalisation."""
        return _digest(self.x, self.mean, self.std)

    @cached_property
    def calibration_digest(self) -> str | None:
        """The same of the calibration images."""
        return None if self.calibration is None else _digest(self.calibration, self.mean, self.std)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive samples as they travel: an .npy file named by its sha256.

    Attributes:
        first: index of its first image in the sample set.
        count: how many images.
    """

    digest: str
    data: bytes
    first: int
    count: int


def batches(samples: SampleSet, size: int) -> tuple[Batch, ...]:
    """Cut a sample set into batches of `size` images; the last one may be smaller."""
    return tuple(_batch(samples.x[first : first + size], first) for first in range(0, len(samples), size))


def _batch(images: Pixels, first: int) -> Batch:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(images), version=(1, 0), allow_pickle=False)
    data = stream.getvalue()
    return Batch(hashlib.sha256(data).hexdigest(), data, first, len(images))


def _digest(images: Pixels, mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    digest = hashlib.sha256(repr((images.dtype.str, images.shape, mean, std)).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()
