"""The samples that come with the bundled models: Fashion-MNIST, 28x28 gray, scaled to the model's size."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.models.bundle import FOLDER
from harness.models.pixels import as_pixels
from harness.models.pool import MAX_CALIBRATION, Pool
from harness.models.samples import Pixels

FILE = FOLDER / "fashion_mnist" / "samples.npz"


def open_bundled(
    *, size: tuple[int, int], mean: tuple[float, ...], std: tuple[float, ...], file: Path = FILE
) -> Pool:
    """Return the bundled test images, and the calibration images that were set apart.

    The images keep their one channel: a device repeats it, so that a third of the bytes travels.
    """
    with np.load(file, allow_pickle=False) as stored:
        images, labels = stored["test_images"], stored["test_labels"]
        calibration = stored["calibration_images"][:MAX_CALIBRATION]

    def read(indices: Sequence[int]) -> Pixels:
        return _scaled(images[list(indices)], size)

    names = tuple(f"test[{index}]" for index in range(len(images)))
    return Pool(names, labels.astype(np.int64), read, mean, std, _scaled(calibration, size))


def _scaled(images: NDArray[np.uint8], size: tuple[int, int]) -> Pixels:
    from PIL import Image

    return np.stack([as_pixels(Image.fromarray(image), size) for image in images])
