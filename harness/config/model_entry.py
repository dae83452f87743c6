"""One model of the experiment and the samples that it is measured on."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import PlainValidator

from harness.config.fields import ModelName, existing, not_negative, real, whole, wrong
from harness.config.sections import Section, Slip

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_MOST_CHANNELS = 16
_SOURCES = ("file", "bundled", "timm")


def _numbers(value: object) -> tuple[float, ...]:
    numbers = tuple(value) if isinstance(value, list | tuple) else ()
    good = all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
    if not 1 <= len(numbers) <= _MOST_CHANNELS or not good:
        raise wrong("a list of numbers, one a channel")
    return tuple(float(number) for number in numbers)


def _positive_numbers(value: object) -> tuple[float, ...]:
    numbers = _numbers(value)
    if min(numbers) <= 0:
        raise wrong("numbers above 0, one a channel")
    return numbers


class Samples(Section):
    """Inputs to measure on.

    Attributes:
        images: folder of image files; excludes `arrays`.
        arrays: .npz with `x` (float32 NCHW, ready for the model) and optionally `y` (labels).
        labels: .csv with the columns file,label; without it agreement with the reference is judged.
        size: width and height in pixels; None takes the model's own.
        mean: subtracted from each channel of the 0..1 image.
        std: then divided by.
    """

    images: Annotated[Path, existing("folder")] | None = None
    arrays: Annotated[Path, existing("file", ".npz")] | None = None
    labels: Annotated[Path, existing("file")] | None = None
    size: Annotated[int, whole(8, 4096)] | None = None
    mean: Annotated[tuple[float, ...], PlainValidator(_numbers)] = IMAGENET_MEAN
    std: Annotated[tuple[float, ...], PlainValidator(_positive_numbers)] = IMAGENET_STD

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield images and arrays together or neither, image keys beside arrays, and unequal mean and std."""
        has_images, has_arrays = raw.get("images") is not None, raw.get("arrays") is not None
        if has_images == has_arrays:
            yield Slip(("arrays", "images"), "both" if has_images else "neither of them", "either images or arrays")
        elif has_arrays:
            for key in ("labels", "mean", "std"):
                if key in raw:
                    yield Slip((key,), "a key for images", hint="arrays are taken as they are; labels are their `y`")
        mean, std = raw.get("mean", [0] * 3), raw.get("std", [1] * 3)
        if isinstance(mean, list) and isinstance(std, list) and mean and std and len(mean) != len(std):
            yield Slip(("std", "mean"), f"{len(mean)} means and {len(std)} deviations", "one of each a channel")


class ModelEntry(Section):
    """A model and where it comes from: exactly one of file, bundled and timm.

    Attributes:
        name: unique in the experiment.
        file: .onnx or .mnn.
        bundled: name of a model that comes with the farm, which has samples of its own.
        timm: name of a timm architecture, exported when needed.
        state_dict: the timm model's weights; None for the pretrained ones.
        samples: what to measure on; None for a bundled model's own.
    """

    name: ModelName
    file: Annotated[Path, existing("file", ".onnx", ".mnn")] | None = None
    bundled: ModelName | None = None
    timm: ModelName | None = None
    state_dict: Annotated[Path, existing("file")] | None = None
    samples: Samples | None = None

    @property
    def source(self) -> str:
        """Where the model comes from, in the experiment's words."""
        if self.file is not None:
            return f"file: {self.file}"
        return f"bundled: {self.bundled}" if self.bundled is not None else f"timm: {self.timm}"

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield no or several sources, a state dict without timm, and missing samples."""
        given = [key for key in _SOURCES if raw.get(key) is not None]
        if len(given) != 1:
            read = f"{' and '.join(given)} together" if given else "no model"
            yield Slip(tuple(reversed(given)) or _SOURCES, read, "exactly one of file, bundled, timm")
        if raw.get("state_dict") is not None and "timm" not in given:
            yield Slip(("state_dict",), "a state dict", hint="it goes with `timm:` only")
        if given and "bundled" not in given and raw.get("samples") is None:
            yield Slip(("samples",), "no samples", "samples: {images: folder} or {arrays: file.npz}")


class Sampling(Section):
    """How many images are measured, and how sure a verdict must be.

    `share_verdicts: false` measures every cell by itself, also where its outputs are equal to the bit to those of
    a cell that is decided.
    """

    max_images: Annotated[int, whole(1, 1_000_000)] = 200
    batch: Annotated[int, whole(1, 10_000)] = 25
    confidence: Annotated[float, real(0.5, 1)] = 0.95
    seed: Annotated[int, whole(0, 2**32 - 1)] = 0
    share_verdicts: bool = True


class DiagnosisPlan(Section):
    """How much a run spends on explaining the cells that it shows to lose accuracy.

    Attributes:
        minutes: for all of them together; 0 explains none (`farm explain` does later).
        images: looked into for each.
    """

    minutes: Annotated[float, not_negative(10_000)] = 10.0
    images: Annotated[int, whole(1, 32)] = 2


class TimingPlan(Section):
    """How often an inference is repeated to time it; the first one is told apart, warm-up is not counted."""

    warmup: Annotated[int, whole(0, 10_000)] = 3
    repeats: Annotated[int, whole(1, 100_000)] = 10
