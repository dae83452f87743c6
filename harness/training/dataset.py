"""Fashion-MNIST from the Debian package `dataset-fashion-mnist`, and what of it is set apart."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
MEAN, STD = 0.286, 0.353
"""Of the training images' pixels in 0..1; the same for each of the three equal channels."""

_TEST_PER_CLASS, _CALIBRATION_PER_CLASS = 100, 20
_SPLIT_SEED = 20_170_825
_IMAGES_HEADER, _LABELS_HEADER = 16, 8

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Images [N, 28, 28] with their labels [N], classes 0..9."""

    images: Images
    labels: Labels

    def __getitem__(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Split":
        """Return the images chosen, in the order given."""
        return Split(self.images[chosen], self.labels[chosen])


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts: trained on, tested on, bundled with the project (of the test set), for calibration."""

    train: Split
    test: Split
    bundled: Split
    calibration: Split


def load(folder: Path = DEBIAN_FOLDER) -> Dataset:
    """Read the data set; the calibration images are taken out of what is trained on.

    Raises:
        OSError: the Debian package is not installed.
    """
    train, test = _read(folder, "train"), _read(folder, "t10k")
    random = np.random.default_rng(_SPLIT_SEED)
    bundled = balanced(test.labels, _TEST_PER_CLASS, random)
    calibration = balanced(train.labels, _CALIBRATION_PER_CLASS, random)
    kept = np.ones(len(train.labels), dtype=np.bool_)
    kept[calibration] = False
    return Dataset(train[kept], test, test[bundled], train[calibration])


def balanced(labels: Labels, per_class: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return indices of `per_class` images a class, dealt so that every ten in a row hold each class."""
    by_class = [random.permutation(np.flatnonzero(labels == one))[:per_class] for one in range(len(CLASSES))]
    dealt = [random.permutation(np.array(round_)) for round_ in zip(*by_class, strict=True)]
    return np.concatenate(dealt).astype(np.int64)


def upscale(images: Images, size: int) -> Images:
    """Return [N, 28, 28] as [N, size, size], bilinear by Pillow on 8-bit grey: what devices are fed."""
    resized = [Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR) for image in images]
    return np.stack([np.asarray(image, dtype=np.uint8) for image in resized])


def _read(folder: Path, name: str) -> Split:
    images = _bytes(folder / f"{name}-images-idx3-ubyte.gz")[_IMAGES_HEADER:].reshape(-1, 28, 28)
    labels = _bytes(folder / f"{name}-labels-idx1-ubyte.gz")[_LABELS_HEADER:].astype(np.int64)
    return Split(images, labels)


def _bytes(path: Path) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8)
