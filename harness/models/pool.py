"""Which images of all there are get evaluated, and which calibrate.

A permutation seeded by `sampling.seed` puts all images (sorted by file name, or in array order) in an order
that never changes for one seed and one number of images. The first `max_images` are evaluated; up to 100 of
the rest calibrate, unless the samples have calibration images of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, InputError
from harness.models.samples import Pixels, SampleSet

MAX_CALIBRATION = 100
"""Calibration images taken, at most; more change the thresholds little and cost time."""


@dataclass(frozen=True, eq=False)
class Pool:
    """All images there are.

    Attributes:
        names: one an image.
        labels: int64 [N], or None.
        read: gives the images of some indices, [n, C, H, W]; called only for those that are used.
        mean, std: per channel, of pixels in 0..1; empty for float32 images.
        calibration: images held apart for calibration, or None where some of the pool must serve.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64] | None
    read: Callable[[Sequence[int]], Pixels]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    calibration: Pixels | None = None


def select(pool: Pool, *, max_images: int, seed: int) -> SampleSet:
    """Choose the images to evaluate and those to calibrate on, and read them.

    Raises:
        InputError: (bad-samples) there are no images, or one cannot be read.
    """
    chosen, spare = split(len(pool.names), max_images=max_images, seed=seed)
    calibration = pool.calibration
    if calibration is None and spare:
        calibration = pool.read(spare)
    return SampleSet(
        x=pool.read(chosen),
        labels=None if pool.labels is None else pool.labels[list(chosen)],
        mean=pool.mean,
        std=pool.std,
        names=tuple(pool.names[index] for index in chosen),
        calibration=calibration,
        no_calibration="" if calibration is not None else _nothing_left(len(pool.names)),
    )


def split(total: int, *, max_images: int, seed: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the indices of the images to evaluate, and of those that may calibrate.

    Raises:
        InputError: (bad-samples) there are no images.
    """
    if total == 0:
        raise InputError(Code.BAD_SAMPLES, "there are no images")
    # RandomState's stream is frozen for good, unlike that of newer generators: a seed keeps its meaning.
    order = tuple(int(index) for index in np.random.RandomState(seed).permutation(total))
    return order[:max_images], order[max_images:][:MAX_CALIBRATION]


def _nothing_left(total: int) -> str:
    return (
        f"int8 needs images for calibration, and all {total} are evaluated: "
        f"lower sampling.max_images below {total}, or add images"
    )


def about_normalisation(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> list[str]:
    """Return what is wrong with mean and std for a model of so many channels."""
    mistakes = [
        f"{key} needs {channels} number(s), one a channel; has {list(values) or 'none'}"
        for key, values in (("mean", mean), ("std", std))
        if len(values) != channels or not np.isfinite(values).all()
    ]
    return mistakes + (["std must be above 0"] if min(std, default=1.0) <= 0 else [])
