"""Lint a model: its hazards, from a few of its samples."""

from dataclasses import dataclass

from harness.diagnose.lint.calibration import MOST_IMAGES, calibrate
from harness.diagnose.lint.hazard import Hazard
from harness.diagnose.lint.hazards import find
from harness.errors import Code, InputError
from harness.models.samples import SampleSet
from harness.models.source import Kind, ModelSource


@dataclass(frozen=True, slots=True)
class Lint:
    """What was found.

    Attributes:
        model: the user's name for it.
        operators: how many were looked at.
        images: how many it was run on.
        hazards: those that carry farthest first.
    """

    model: str
    operators: int
    images: int
    hazards: tuple[Hazard, ...]


def lint(source: ModelSource, samples: SampleSet) -> Lint:
    """Return a model's hazards.

    Args:
        source: an ONNX model.
        samples: the first eight are used.

    Raises:
        InputError: (bad-model) it is an .mnn file.
        FarmError: (reference-failed) onnxruntime cannot run it.
    """
    if source.kind is not Kind.ONNX:
        raise InputError(
            Code.BAD_MODEL,
            f"model {source.name}: the lint reads the graph of an ONNX model, and this is an .mnn file",
            "Give the .onnx file that it was made of.",
        )
    images = [samples.fed(index) for index in range(min(MOST_IMAGES, len(samples)))]
    graph, calibration = calibrate(source.path, images)
    return Lint(source.name, len(calibration.nodes), calibration.images, find(graph, calibration))
