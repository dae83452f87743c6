"""From pixels to what a model is fed; the same on the device and on the coordinator, to the bit."""

from typing import Sequence

import numpy as np


def normalise(pixels: "np.ndarray", mean: Sequence[float], std: Sequence[float]) -> "np.ndarray":
    """Return (x / 255 - mean) / std in float32.

    Args:
        pixels: uint8 [N, C, H, W]; C = 1 is repeated to len(mean) channels.
        mean: per channel, of pixels in 0..1.
        std: the same.

    Returns:
        float32 [N, len(mean), H, W].

    Raises:
        ValueError: not uint8, not four axes, or a channel count that does not fit.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise ValueError("pixels must be uint8 [N, C, H, W], not %s %s" % (pixels.dtype, pixels.shape))
    channels = len(mean)
    if len(std) != channels or pixels.shape[1] not in (1, channels):
        raise ValueError("%d channels for %d means and %d deviations" % (pixels.shape[1], channels, len(std)))
    shape = (1, channels, 1, 1)
    scaled = pixels.astype(np.float32) / np.float32(255)
    centred = scaled - np.asarray(mean, np.float32).reshape(shape)
    return np.ascontiguousarray(centred / np.asarray(std, np.float32).reshape(shape), dtype=np.float32)


def prepared(batch: "np.ndarray", index: int, mean: Sequence[float], std: Sequence[float]) -> "np.ndarray":
    """Return one image of a batch as a model is fed it, float32 [1, C, H, W]; float32 batches as they are."""
    image = batch[index : index + 1]
    if image.dtype == np.uint8:
        return normalise(image, mean, std)
    if image.dtype != np.float32:
        raise ValueError("a batch must be uint8 or float32, not %s" % image.dtype)
    return np.ascontiguousarray(image)
