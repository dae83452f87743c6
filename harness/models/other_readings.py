"""Mistakes that preprocessing is known for, each undone: colours swapped, normalisation missing, another or twice."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.models.channel_order import ADVICE, SWAPPED, first, swapped
from harness.models.samples import SampleSet
from harness.models.source import ModelSource

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]

_IMAGENET: Final[Normalisation] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_GREY_IMAGENET: Final[Normalisation] = ((0.449,), (0.226,))


def other_readings(source: ModelSource, samples: SampleSet, count: int) -> dict[str, SampleSet]:
    """Return the first `count` samples as they may have been meant, by "condition: advice".

    float32 samples that lie within 0..1 or 0..255 and never below may be pixels that were not normalised;
    other float32 samples are taken as normalised, perhaps twice.
    """
    some = first(samples, count)
    swap = swapped(some)
    found = {} if swap is None else {f"{SWAPPED}: {ADVICE}": swap}
    pixels = _as_pixels(some.x)
    if pixels is None:
        return found | {
            f"{condition} undone once: x is normalised twice; give it normalised once": _undone(some, mean, std)
            for condition, (mean, std) in _normalisations(source).items()
            if any(mean)
        }
    advise = _for_images if some.x.dtype == np.uint8 else _for_arrays
    for condition, (mean, std) in _normalisations(source).items():
        if (mean, std) != (some.mean, some.std):
            found[f"{condition}: {advise(mean, std)}"] = _normalised(some, pixels, mean, std)
    return found


def _as_pixels(x: NDArray[np.generic]) -> NDArray[np.generic] | None:
    """Return uint8 pixels as they are, or float32 ones scaled to 0..1; None for what is no pixels."""
    if x.dtype == np.uint8:
        return x
    values = x.astype(np.float32)
    if float(values.min()) < 0.0 or float(values.max()) > 255.0:
        return None
    return values / np.float32(255) if float(values.max()) > 1.0 else values


def _normalised(
    samples: SampleSet, pixels: NDArray[np.generic], mean: tuple[float, ...], std: tuple[float, ...]
) -> SampleSet:
    if pixels.dtype == np.uint8:
        return replace(samples, mean=mean, std=std)
    shape = (1, len(mean), 1, 1)
    values = pixels.astype(np.float32) - np.asarray(mean, np.float32).reshape(shape)
    return replace(samples, x=values / np.asarray(std, np.float32).reshape(shape))


def _undone(samples: SampleSet, mean: tuple[float, ...], std: tuple[float, ...]) -> SampleSet:
    shape = (1, len(mean), 1, 1)
    values = samples.x.astype(np.float32) * np.asarray(std, np.float32).reshape(shape)
    return replace(samples, x=values + np.asarray(mean, np.float32).reshape(shape))


def _normalisations(source: ModelSource) -> dict[str, Normalisation]:
    channels = source.signature.channels
    found: dict[str, Normalisation] = {}
    mean, std = source.card.get("mean"), source.card.get("std")
    if isinstance(mean, list) and isinstance(std, list) and len(mean) == len(std) == channels:
        found["with mean and std of the model's card"] = _floats(mean), _floats(std)
    return found | {
        "with ImageNet's mean and std": _IMAGENET if channels == 3 else _GREY_IMAGENET,
        "with mean and std of 0.5": ((0.5,) * channels, (0.5,) * channels),
        "with pixels of 0..1 and no more": ((0.0,) * channels, (1.0,) * channels),
        "with pixels of 0..255 as they are": ((0.0,) * channels, (1.0 / 255.0,) * channels),
    }


def _for_images(mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    return f"set mean: {_listed(mean)} and std: {_listed(std)}"


def _for_arrays(mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    return f"give x as pixels of 0..1, minus {_listed(mean)}, over {_listed(std)}"


def _listed(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"


def _floats(values: list[object]) -> tuple[float, ...]:
    return tuple(float(str(value)) for value in values)
