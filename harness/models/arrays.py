"""Samples from an .npz file."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, InputError
from harness.models.pool import Pool, about_normalisation
from harness.models.samples import Pixels
from harness.models.signature import Signature


def open_arrays(path: Path, *, signature: Signature, mean: tuple[float, ...], std: tuple[float, ...]) -> Pool:
    """Return the images of an .npz file: x [N, C, H, W], float32 or uint8, and maybe y [N], class numbers.

    float32 images are used as they are, and mean and std with them have no meaning; uint8 ones need both, and
    may have one channel where the model takes three (it is repeated).

    Raises:
        InputError: (bad-samples) the file or an array in it does not fit; all that is wrong is said at once.
    """
    found = _read(path)
    mistakes = [f"there is no use for the array {name}" for name in sorted(set(found) - {"x", "y"})]
    if "x" not in found:
        raise InputError(Code.BAD_SAMPLES, f"{path} holds no array x")
    x, y = found["x"], found.get("y")
    mistakes += _about_x(x, signature)
    if x.dtype == np.uint8:
        mistakes += about_normalisation(mean, std, signature.channels)
    else:
        mean, std = (), ()
    mistakes += [] if y is None else _about_y(y, len(x) if x.ndim else 0, signature.classes)
    if mistakes:
        raise InputError(Code.BAD_SAMPLES, f"{path}: {'; '.join(mistakes)}")

    def read(indices: Sequence[int]) -> Pixels:
        return np.ascontiguousarray(x[list(indices)])

    names = tuple(f"x[{index}]" for index in range(len(x)))
    return Pool(names, None if y is None else y.astype(np.int64), read, mean, std)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.lib.npyio.NpzFile):
            with stored:
                return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(Code.BAD_SAMPLES, f"{path} cannot be read as an .npz file: {error}") from error
    raise InputError(Code.BAD_SAMPLES, f"{path} is not an .npz file")


def _about_x(x: NDArray[Any], signature: Signature) -> list[str]:
    if x.dtype not in (np.dtype(np.float32), np.dtype(np.uint8)):
        return [f"x is {x.dtype}, needs float32 or uint8"]
    pixels = x.dtype == np.uint8
    channels = {signature.channels, 1} if pixels else {signature.channels}
    mistakes = []
    if x.ndim != 4 or x.shape[1] not in channels or x.shape[2:] != signature.size:
        wanted = ", ".join(map(str, signature.input_shape[1:]))
        mistakes.append(f"x has the shape {list(x.shape)}, the model needs [N, {wanted}]")
    if not pixels and not np.isfinite(x).all():
        mistakes.append("x holds numbers that are not finite")
    return mistakes


def _about_y(y: NDArray[Any], images: int, classes: int) -> list[str]:
    if y.dtype.kind not in "iu" or y.shape != (images,):
        return [f"y is {y.dtype} {list(y.shape)}, needs {images} integers"]
    if images and not (int(y.min()) >= 0 and int(y.max()) < classes):
        return [f"y holds class numbers outside 0 to {classes - 1}"]
    return []
