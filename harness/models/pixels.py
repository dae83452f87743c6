"""One image file as pixels of a model's size."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, InputError
from harness.models.signature import Signature

if TYPE_CHECKING:
    from PIL import Image


def read_image(path: Path, signature: Signature) -> NDArray[np.uint8]:
    """Return an image as uint8 [C, H, W]: RGB, or gray where the model takes one channel.

    An image of another size is scaled (Pillow's bilinear filter, which averages when it shrinks) so that it
    just covers the model's size, and what sticks out is cut off on both sides alike.

    Raises:
        InputError: (bad-samples) the file is no image that Pillow can read.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return as_pixels(image.convert("L" if signature.channels == 1 else "RGB"), signature.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(Code.BAD_SAMPLES, f"{path} cannot be read as an image: {error}") from error


def as_pixels(image: "Image.Image", size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image of mode L or RGB as uint8 [C, H, W] of `size` (height, width)."""
    from PIL import Image, ImageOps

    height, width = size
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), method=Image.Resampling.BILINEAR)
    array = np.asarray(image, np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
