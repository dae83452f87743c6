"""Samples from a folder of images, with or without a file of labels."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, InputError
from harness.models.pixels import read_image
from harness.models.pool import Pool
from harness.models.samples import Pixels
from harness.models.signature import Signature

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_SHOWN = 10
"""Mistakes of one kind that a message lists; more are counted."""


def open_folder(
    images: Path, labels: Path | None, *, signature: Signature, mean: tuple[float, ...], std: tuple[float, ...]
) -> Pool:
    """Return the images of a folder and its subfolders, sorted by name, at the model's size.

    Raises:
        InputError: (bad-samples) there is no such folder or no image in it, or the labels do not fit it; every
            mistake in the labels is in the message. `Pool.read` raises it for an image that cannot be read.
    """
    if not images.is_dir():
        raise InputError(Code.BAD_SAMPLES, f"there is no folder {images}")
    paths = [path for path in images.rglob("[!.]*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    names = tuple(sorted(path.relative_to(images).as_posix() for path in paths))
    if not names:
        raise InputError(Code.BAD_SAMPLES, f"there are no images in {images}")

    def read(indices: Sequence[int]) -> Pixels:
        return np.stack([read_image(images / names[index], signature) for index in indices])

    known = None if labels is None else _labels(labels, names, classes=signature.classes)
    return Pool(names, known, read, mean, std)


def _labels(path: Path, names: tuple[str, ...], *, classes: int) -> NDArray[np.int64]:
    rows = _rows(path)
    found: dict[str, int] = {}
    mistakes: list[str] = []
    for line, (file, label) in enumerate(rows, start=2):
        if file in found:
            mistakes.append(f"line {line}: {file} is labelled twice")
        number = _class_number(label, classes)
        if number is None:
            mistakes.append(f"line {line}: {label!r} is not a class number from 0 to {classes - 1}")
        found[file] = -1 if number is None else number
    mistakes += [f"{file} is labelled, but there is no such image" for file in found if file not in set(names)]
    mistakes += [f"{name} has no label" for name in names if name not in found]
    if mistakes:
        raise InputError(Code.BAD_SAMPLES, f"{path}: {_listed(mistakes)}")
    return np.array([found[name] for name in names], np.int64)


def _rows(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"file", "label"} - set(reader.fieldnames or ())
            rows = [] if missing else [(row["file"] or "", row["label"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(Code.BAD_SAMPLES, f"{path} cannot be read: {error}") from error
    if missing:
        raise InputError(Code.BAD_SAMPLES, f"{path} has no column {' and no column '.join(sorted(missing))}")
    return rows


def _class_number(text: str, classes: int) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 <= number < classes else None


def _listed(mistakes: list[str]) -> str:
    more = len(mistakes) - _SHOWN
    return "; ".join(mistakes[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
