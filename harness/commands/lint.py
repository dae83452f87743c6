"""`farm lint`: where a model will lose accuracy, found without any device."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.commands.page import publish_page
from harness.config.model_entry import IMAGENET_MEAN, IMAGENET_STD
from harness.diagnose.lint.calibration import MOST_IMAGES
from harness.diagnose.lint.lint import lint
from harness.errors import Code, InputError
from harness.models.load_samples import load_samples
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.report.lint import render

OK = 0


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """What the user said about samples.

    Attributes:
        path: a folder of images or an .npz file; None for a bundled model's own samples.
        size: height and width of a model whose own are dynamic, pixels.
        mean, std: of the images' channels, in 0..1; None for those of ImageNet.
    """

    path: Path | None = None
    size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def lint_command(model: str, samples: SampleOptions, out: Path | None, console: Console) -> int:
    """Lint a model, print what was found, return 0.

    Args:
        model: an .onnx file, or the name of a bundled model.
        samples: what to run it on.
        out: a file for the page, or None.
        console: where it is printed.

    Raises:
        InputError: there is no such model, its samples cannot be used, or `out` cannot be written.
        FarmError: (reference-failed) onnxruntime cannot run it.
    """
    source = _source(model, samples)
    publish_page(render(lint(source, _samples(source, samples))), out, console)
    return OK


def _source(model: str, samples: SampleOptions) -> ModelSource:
    file = Path(model)
    if file.suffix.lower() in (".onnx", ".mnn") or file.exists():
        return resolve(name=file.stem, file=file, size=samples.size)
    return resolve(name=model, bundled=model)


def _samples(source: ModelSource, samples: SampleOptions) -> SampleSet:
    path = samples.path
    if path is None and not source.origin.startswith("bundled:"):
        raise InputError(
            Code.BAD_SAMPLES,
            f"model {source.name}: the lint needs a few samples, and only bundled models have their own",
            "Name a folder of images or an .npz file with --samples.",
        )
    arrays = path is not None and path.suffix.lower() == ".npz"
    own = path is None  # a bundled model's, whose card says mean and std
    return load_samples(
        source,
        images=None if arrays else path,
        arrays=path if arrays else None,
        mean=samples.mean or (None if own else IMAGENET_MEAN),
        std=samples.std or (None if own else IMAGENET_STD),
        max_images=MOST_IMAGES,
        seed=0,
    )
