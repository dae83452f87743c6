"""Make one .mnn file by MNN's tools; whether it is any good is for `checks` to say."""

from pathlib import Path

from harness.models import calibration, mnn_tool, quantisable
from harness.models.samples import SampleSet
from harness.models.source import ModelSource
from harness.precision import Weights


def build(source: ModelSource, weights: Weights, samples: SampleSet, made: Path, *, deadline_s: float) -> str:
    """Make the file `made`, which must not exist yet; return the tool's last lines.

    Args:
        source: an .onnx model.
        weights: how they are to be stored.
        samples: for their calibration images, where `weights.calibrated`.
        made: its folder takes what is needed on the way.
        deadline_s: seconds that each of the tools may take.

    Raises:
        ToolError: a tool crashed or was too slow.
        FarmError: (reference-failed) onnxruntime could not prepare the model for int8.
    """
    if not weights.calibrated:
        return _convert(source.path, made, weights, deadline_s=deadline_s)
    rewritten, base = made.with_name("rewritten.onnx"), made.with_name("base.mnn")
    quantisable.rewrite(source.path, rewritten)
    _convert(rewritten, base, Weights(), deadline_s=deadline_s)
    config = calibration.write(made.parent, samples, source.signature)
    return mnn_tool.ask("quantise", source=str(base), mnn=str(made), config=str(config), deadline_s=deadline_s).output


def _convert(onnx: Path, made: Path, weights: Weights, *, deadline_s: float) -> str:
    return mnn_tool.ask(
        "convert", onnx=str(onnx), mnn=str(made), flags=list(weights.flags), deadline_s=deadline_s
    ).output
