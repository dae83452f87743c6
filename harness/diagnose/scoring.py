"""Holding the hazard lint to what was measured: its score on an explained cell."""

from harness.diagnose.blocks import Block
from harness.diagnose.lint.blocks import foretell
from harness.diagnose.lint.calibration import calibrate
from harness.diagnose.lint.hazard import Reduced
from harness.diagnose.lint.score import score
from harness.diagnosis import Explanation, LintScore
from harness.models.samples import SampleSet
from harness.models.source import Kind, ModelSource
from harness.precision import Compute, Memory, Precision, Weights

BOUND = 1e-2
"""Relative L2 above which a block counts as losing accuracy."""
IMAGES = 4
"""Images that the lint looks at; more change its predictions little and take their time."""


def lint_score(
    source: ModelSource, samples: SampleSet, blocks: tuple[Block, ...], asked: Precision, found: Explanation
) -> LintScore | None:
    """Return how well the lint foretells the local errors of an explained cell's blocks.

    None where it foretells nothing of such a precision, where the blocks were not measured, or for an .mnn model.

    Raises:
        FarmError: reference-failed, onnxruntime cannot run the model.
    """
    measured = {block.name: block.local for block in found.blocks if block.local is not None}
    kind = reduced(asked)
    if kind is None or not measured or source.kind is not Kind.ONNX:
        return None
    images = [samples.fed(index) for index in range(min(IMAGES, len(samples)))]
    graph, calibration = calibrate(source.path, images)
    return score(found.key, foretell(graph, calibration, blocks, kind), measured, bound=BOUND)


def reduced(asked: Precision) -> Reduced | None:
    """Return what the lint calls a precision; None where it foretells nothing of it."""
    if asked.compute is Compute.FP16 and asked.weights in (Weights(), Weights(half=True)):
        return Reduced.FP16
    if asked.compute is not Compute.FP32 or asked.memory is not Memory.NORMAL:
        return None
    known = {
        Weights(half=True): Reduced.FP16_WEIGHTS,
        Weights(bits=8): Reduced.W8,
        Weights(bits=4): Reduced.W4,
    }
    return known.get(asked.weights)
