"""The .mnn files of a model, one for each way to store its weights: made once, checked, cached by content.

MNN's converter writes other bytes each time it runs, so the one file that was kept goes to every device. It
says True whatever happened, so nothing is believed but the file: it must be there, load, have the input and
the output that the model has, and give finite numbers on this machine.

One file serves all engine versions. MNN 3.0.0 and 3.2.0 read what the converter of 3.6.1 writes, whatever the
weights (float, float16, int8 and int4 by channel and by block, calibrated int8): with memory normal their answers are
within 7e-6 (relative L2) of those of 3.6.1, on x86-64 and emulated cortex-a76, EfficientViT-B0 and M0. With memory
low 3.0.0 loses far more than the others (w8-lowmem of B0 on cortex-a76: 0.63 instead of 0.007), and that is its
kernels' doing: of the file that its own converter makes it loses as much, and the others as little.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.cache import cache_root
from harness.errors import Code, FarmError
from harness.models import calibration, checks, mnn_tool
from harness.models.build import build
from harness.models.cache import Notes, keep, key_of, look_up, making
from harness.models.repaired import graph_of, why_not
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.models.source import Kind, ModelSource
from harness.precision import Weights

RECIPE = 1
"""Part of every key: raise it when the way a variant is made or checked changes."""

DEADLINE_S = 900.0
"""Seconds that a conversion or a quantisation may take."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A model as an .mnn file.

    Attributes:
        key: what it was made from, as a sha256.
        sha256: of the file.
        size: of the file, bytes.
        finite: whether it gave finite numbers for one sample on this machine.
        converted: whether it was made just now; False where it was in the cache, or is the user's own file.
        seconds: that making it took (when it was made).
    """

    path: Path
    sha256: str
    key: str
    weights: Weights
    signature: Signature
    size: int
    finite: bool
    converted: bool
    seconds: float


def why_impossible(
    source: ModelSource, weights: Weights, samples: SampleSet, *, cache: Path | None = None
) -> str | None:
    """Return why a model cannot have this variant at all, or None where it can.

    Rewrites are made and layers to be kept float are looked up; what fails on the way is for `make_variant` to raise.
    """
    if source.kind is Kind.MNN and weights != Weights():
        return f"an .mnn file keeps its weights as they are stored; give the .onnx file to have {weights.stored_as}"
    if weights.calibrated and samples.calibration is None:
        return samples.no_calibration
    try:
        return why_not(source, weights, samples, cache=cache)
    except FarmError:
        return None


def make_variant(
    source: ModelSource,
    weights: Weights,
    samples: SampleSet,
    *,
    cache: Path | None = None,
    deadline_s: float = DEADLINE_S,
    allow_nonfinite: bool = False,
) -> Variant:
    """Return a variant, from the cache where it was made before. An .mnn model is its own one variant.

    Args:
        source: the model.
        weights: how the weights are to be stored.
        samples: the first image is for the check; the calibration images are for `weights.calibrated`.
        cache: the cache's folder, or None for the usual one.
        deadline_s: seconds that making it may take.
        allow_nonfinite: return a variant that fails only the check for finite numbers, marked as such.

    Raises:
        FarmError: (conversion-failed) it is impossible, could not be made, or failed a check.
    """
    impossible = why_impossible(source, weights, samples, cache=cache)
    if impossible:
        raise FarmError(Code.CONVERSION_FAILED, f"model {source.name}: {impossible}")
    if source.kind is Kind.MNN:
        return _as_it_is(source)
    onnx, sha256 = graph_of(source, weights, samples, cache=cache)
    key = _key(sha256, weights, samples)
    path = (cache or cache_root()).absolute() / "variants" / f"{key}.mnn"
    with making(path):
        notes = look_up(path)
        converted = notes is None
        if notes is None:
            notes = _make(source, onnx, weights, samples, path, deadline_s=deadline_s)
    variant = _described(path, notes, key=key, weights=weights, source=source, converted=converted)
    if not variant.finite and not allow_nonfinite:
        raise FarmError(Code.CONVERSION_FAILED, checks.nonfinite(source.name, weights))
    return variant


def _make(
    source: ModelSource, onnx: Path, weights: Weights, samples: SampleSet, path: Path, *, deadline_s: float
) -> Notes:
    """Make, check and keep a variant; called by whoever holds the right to make it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="farm-variant-") as folder:
        made = Path(folder, "made.mnn")  # a new folder: whatever is there afterwards was written now
        try:
            said = build(onnx, source.signature, weights, samples, made, deadline_s=deadline_s)
            finite = checks.check(made, source.signature, samples, said=said)
        except mnn_tool.ToolError as error:
            what = f"model {source.name} with weights {weights.stored_as}"
            raise FarmError(Code.CONVERSION_FAILED, f"{what}: the converter {error}") from error
        data = made.read_bytes()
    seconds = round(time.monotonic() - started, 3)
    return keep(path, data, model=source.name, weights=weights.stored_as, finite=finite, seconds=seconds)


def _as_it_is(source: ModelSource) -> Variant:
    size = source.path.stat().st_size
    return Variant(source.path, source.sha256, source.sha256, Weights(), source.signature, size, True, False, 0.0)


def _described(
    path: Path, notes: Notes, *, key: str, weights: Weights, source: ModelSource, converted: bool
) -> Variant:
    return Variant(
        path=path,
        sha256=str(notes["sha256"]),
        key=key,
        weights=weights,
        signature=source.signature,
        size=path.stat().st_size,
        finite=notes["finite"] is True,
        converted=converted,
        seconds=float(str(notes["seconds"])),
    )


def _key(onnx: str, weights: Weights, samples: SampleSet) -> str:
    # Without these layers keys are as they always were.
    kept = {"keep_float": weights.keep_float} if weights.keep_float else {}
    return key_of(
        recipe=RECIPE,
        onnx=onnx,
        flags=weights.flags,
        mnn=mnn_tool.mnn_version(),
        calibration=[calibration.RECIPE, samples.calibration_digest] if weights.calibrated else None,
        **kept,
    )
