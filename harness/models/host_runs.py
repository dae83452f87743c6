"""Outputs made on this machine to tell where a loss comes from: a variant's own file, and the float16 floor."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.cache import cache_root
from harness.errors import Code, FarmError
from harness.models import host, mnn_tool, reference
from harness.models.apart import apart
from harness.models.cache import keep, key_of, look_up, making
from harness.models.float16_floor import write_rounded
from harness.models.golden import as_npy
from harness.models.samples import SampleSet
from harness.models.source import Kind, ModelSource
from harness.models.variants import Variant
from harness.precision import Memory, Precision

Outputs = NDArray[np.float32]

RECIPE = 1
"""Part of every key: raise it when the way these are made changes."""


def on_host(variant: Variant, samples: SampleSet, memory: Memory, *, cache: Path | None = None) -> Outputs:
    """Return what a variant's file answers here at precision high, float32 [N, classes], finite or not.

    With low memory this machine multiplies in int8 as a device does: what is lost then is lost by the file.

    Raises:
        FarmError: (reference-failed) MNN crashed on it or did not end; output-mismatch.
    """
    key = key_of(recipe=RECIPE, variant=variant.sha256, samples=samples.digest, memory=memory.value,
                 engine=mnn_tool.mnn_version())  # fmt: skip
    runtime = Precision("host", memory=memory).runtime(1)

    def make() -> Outputs:
        try:
            return host.run_file(variant.path, variant.signature, samples, runtime=runtime)
        except mnn_tool.ToolError as error:
            raise FarmError(Code.REFERENCE_FAILED, f"{variant.path.name} on this machine: MNN {error}") from error

    return _kept("host", key, make, cache)


def float16_floor(source: ModelSource, samples: SampleSet, *, cache: Path | None = None) -> Outputs | None:
    """Return what the model answers with every tensor rounded to float16, float32 [N, classes], finite or not.

    None for an .mnn model: there is no graph that onnxruntime could run.

    Raises:
        FarmError: reference-failed.
    """
    if source.kind is not Kind.ONNX:
        return None
    key = key_of(recipe=RECIPE, floor=source.sha256, samples=samples.digest, engine=reference.version())

    return _kept("floor", key, lambda: apart(rounded_outputs, source, samples), cache)


def rounded_outputs(source: ModelSource, samples: SampleSet) -> Outputs:
    """Run an .onnx model with float16 rounding on all samples, in this process.

    Raises:
        FarmError: reference-failed.
    """
    with tempfile.TemporaryDirectory(prefix="farm-floor-") as folder:
        rounded = Path(folder, "rounded.onnx")
        write_rounded(source.path, rounded)
        answer = reference.Reference(rounded, source.signature, threads=1, as_written=True)
        return np.concatenate([answer(samples.fed(index)) for index in range(len(samples))])


def _kept(kind: str, key: str, make: Callable[[], Outputs], cache: Path | None) -> Outputs:
    path = (cache or cache_root()).absolute() / kind / f"{key}.npy"
    with making(path):
        if look_up(path) is None:
            keep(path, as_npy(make()))
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
