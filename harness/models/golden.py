"""Reference outputs: what the model answers in fp32 on this machine, before any device is asked."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.cache import cache_root
from harness.errors import Code, FarmError
from harness.models import host, mnn_tool, reference
from harness.models.apart import apart
from harness.models.cache import keep, key_of, look_up, making
from harness.models.samples import SampleSet
from harness.models.source import Kind, ModelSource

Outputs = NDArray[np.float32]

RECIPE = 1
"""Part of every key: raise it when the way a reference is made changes."""


def golden(source: ModelSource, samples: SampleSet, *, cache: Path | None = None, threads: int = 1) -> Outputs:
    """Return the reference outputs, float32 [N, classes]; from the cache where they were made before.

    An .onnx model is run by onnxruntime. An .mnn model is its own reference: MNN, fp32, on this machine.

    Args:
        source: the model.
        samples: what it is fed.
        cache: the cache's folder, or None for the usual one.
        threads: of onnxruntime. The count can change the last bit, so it is part of the cache's key.

    Raises:
        FarmError: (reference-failed) the model cannot be run, or gives something else than finite float32.
    """
    key = key_of(
        recipe=RECIPE, model=source.sha256, samples=samples.digest, threads=threads, engine=_engine(source.kind)
    )
    path = (cache or cache_root()).absolute() / "golden" / f"{key}.npy"
    with making(path):
        if look_up(path) is None:
            outputs = _made(source, samples, threads)
            keep(path, as_npy(outputs), model=source.name, images=len(samples))
        return np.asarray(np.load(path, allow_pickle=False), np.float32)


def _made(source: ModelSource, samples: SampleSet, threads: int) -> Outputs:
    by_mnn = source.kind is Kind.MNN
    outputs = _by_mnn(source, samples, threads) if by_mnn else apart(by_onnxruntime, source, samples, threads)
    broken = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
    if len(broken):
        raise FarmError(
            Code.REFERENCE_FAILED,
            f"model {source.name}: its reference is not finite for {len(broken)} of {len(samples)} images, "
            f"first {samples.names[broken[0]]}",
            "Nothing can be compared with such outputs: repair the model, or look at these images.",
        )
    return outputs


def by_onnxruntime(source: ModelSource, samples: SampleSet, threads: int) -> Outputs:
    """Run an .onnx model on all samples, in this process.

    Raises:
        FarmError: reference-failed.
    """
    answer = reference.Reference(source.path, source.signature, threads=threads)
    return np.concatenate([answer(samples.fed(index)) for index in range(len(samples))])


def _by_mnn(source: ModelSource, samples: SampleSet, threads: int) -> Outputs:
    try:
        return host.run_file(source.path, source.signature, samples, runtime=host.fp32(threads))
    except mnn_tool.ToolError as error:
        raise FarmError(Code.REFERENCE_FAILED, f"model {source.name}: MNN on this machine {error}") from error


def _engine(kind: Kind) -> str:
    return f"onnxruntime {reference.version()}" if kind is Kind.ONNX else f"MNN {mnn_tool.mnn_version()}"


def as_npy(outputs: Outputs) -> bytes:
    """Return an array as the bytes of an .npy file."""
    stream = io.BytesIO()
    np.save(stream, outputs, allow_pickle=False)
    return stream.getvalue()
