"""Full int8 by mnnquant: thresholds by KL divergence, calibrated on images held apart from the evaluation.

mnnquant reads images and normalises them itself, as (pixel - mean) * normal with pixels in 0..255, so the
calibration images are written as PNG files of the model's size and nothing is scaled. It can take numbers
only from images: float32 arrays are mapped, channel by channel, onto 0..255 over their range, which is as
fine as the int8 input of the quantised model can be.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.models.samples import Pixels, SampleSet
from harness.models.signature import Signature

RECIPE = 2
"""Part of a quantised variant's key: raise it when the way calibration is done changes."""


@dataclass(frozen=True, eq=False)
class CalibrationImages:
    """Images as mnnquant reads them: a model is fed (pixels - mean) * normal, channel by channel.

    Attributes:
        pixels: uint8 [N, C, H, W], C as the model takes it.
    """

    pixels: NDArray[np.uint8]
    mean: tuple[float, ...]
    normal: tuple[float, ...]


def as_images(images: Pixels, mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> CalibrationImages:
    """Return calibration samples (uint8 with mean and std of pixels in 0..1, or float32) as images."""
    if images.dtype == np.uint8:
        pixels = np.repeat(images, channels // images.shape[1], axis=1)
        return CalibrationImages(pixels, tuple(255 * m for m in mean), tuple(1 / (255 * s) for s in std))
    low, high = images.min(axis=(0, 2, 3)), images.max(axis=(0, 2, 3))
    step = np.where(high > low, (high - low) / 255, 1.0)
    # mean is in pixels, and low = (0 - mean) * step.
    pixels = np.rint((images - low[:, None, None]) / step[:, None, None]).astype(np.uint8)
    return CalibrationImages(pixels, tuple(float(m) for m in -low / step), tuple(float(s) for s in step))


def write(folder: Path, samples: SampleSet, signature: Signature, *, skip: tuple[str, ...] = ()) -> Path:
    """Write the calibration images and mnnquant's configuration into a folder; return the configuration.

    `skip` names layers that stay float.
    """
    from PIL import Image

    if samples.calibration is None:
        raise ValueError(samples.no_calibration)
    given = as_images(samples.calibration, samples.mean, samples.std, signature.channels)
    images = folder / "images"
    images.mkdir()
    for index, image in enumerate(given.pixels):
        flat = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        Image.fromarray(np.ascontiguousarray(flat)).save(images / f"{index:05d}.png", compress_level=1)
    config = {
        "format": "GRAY" if signature.channels == 1 else "RGB",
        "mean": given.mean,
        "normal": given.normal,
        "width": signature.size[1],
        "height": signature.size[0],
        "path": f"{images}/",  # mnnquant puts folder and file name together without a slash
        "used_sample_num": len(given.pixels),
        "feature_quantize_method": "KL",
        "weight_quantize_method": "MAX_ABS",
        "skip_quant_op_names": skip,
    }
    path = folder / "mnnquant.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
