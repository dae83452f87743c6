"""Make one .mnn file by MNN's tools; whether it is any good is for `checks` to say."""

from pathlib import Path

from harness.models import calibration, kept_float, mnn_tool, quantisable
from harness.models.apart import apart
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.precision import Weights


def build(
    onnx: Path, signature: Signature, weights: Weights, samples: SampleSet, made: Path, *, deadline_s: float
) -> str:
    """Make the file `made`, which must not exist yet; return the tool's last lines.

    Args:
        onnx: the model, with its rewrites made.
        signature: what goes in and comes out.
        weights: how they are to be stored.
        samples: for their calibration images, where `weights.calibrated`.
        made: its folder takes what is needed on the way.
        deadline_s: seconds that each of the tools may take.

    Raises:
        ToolError: a tool crashed or was too slow.
        FarmError: reference-failed, onnxruntime could not prepare the model for int8; conversion-failed, layers
            that were to stay float did not.
    """
    if weights.calibrated:
        base = build_float(onnx, weights, made.with_name("base.mnn"), deadline_s=deadline_s)
        config = calibration.write(made.parent, samples, signature, skip=weights.keep_float)
        files = {"source": str(base), "mnn": str(made), "config": str(config)}
        said = mnn_tool.ask("quantise", **files, deadline_s=deadline_s).output
    else:
        said = _convert(onnx, made, weights, deadline_s=deadline_s)
    if weights.keep_float and made.is_file():
        kept_float.check(made, weights.keep_float)
    return said


def build_float(onnx: Path, weights: Weights, made: Path, *, deadline_s: float) -> Path:
    """Make and return the float32 file that has the layers to be quantised; raises what `build` raises."""
    if weights.calibrated:
        given, onnx = onnx, made.with_name("rewritten.onnx")
        apart(quantisable.rewrite, given, onnx)
    _convert(onnx, made, Weights(), deadline_s=deadline_s)
    return made


def _convert(onnx: Path, made: Path, weights: Weights, *, deadline_s: float) -> str:
    flags = list(weights.flags)
    if weights.keep_float:
        flags += ["--compressionParamsFile", str(kept_float.write_parameters(made.parent, weights.keep_float))]
    return mnn_tool.ask("convert", onnx=str(onnx), mnn=str(made), flags=flags, deadline_s=deadline_s).output
