"""Run an .mnn file on this machine, in a process of its own."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.models import mnn_tool
from harness.models.samples import Pixels, SampleSet
from harness.models.signature import Signature
from harness.precision import Precision, RuntimeConfig

START_S = 120.0
"""Seconds allowed for starting, on a busy machine."""
IMAGE_S = 30.0
"""Seconds allowed for each image."""

Hints = Sequence[tuple[int, int]]


def fp32(threads: int = 1) -> RuntimeConfig:
    """Return the run-time configuration of plain fp32."""
    return Precision("fp32").runtime(threads)


def run_file(
    path: Path, signature: Signature, samples: SampleSet, *, runtime: RuntimeConfig, hints: Hints = ()
) -> NDArray[np.float32]:
    """Return the outputs of an .mnn file, float32 [N, classes], finite or not.

    Raises:
        ToolError: MNN crashed, refused the file, or did not end in time.
        FarmError: (output-mismatch) the outputs have another shape or type.
    """
    return run_images(path, signature, samples.x, samples.mean, samples.std, runtime=runtime, hints=hints)


def run_images(
    path: Path,
    signature: Signature,
    images: Pixels,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    *,
    runtime: RuntimeConfig,
    hints: Hints = (),
) -> NDArray[np.float32]:
    """Like `run_file`, for images [N, C, H, W] that are no sample set."""
    return _asked(path, signature, images, mean=mean, std=std, runtime=runtime, hints=list(hints), segments=[])


def run_chain(
    path: Path, signature: Signature, samples: SampleSet, precision: Precision, *, threads: int = 1
) -> NDArray[np.float32]:
    """Like `run_file`, in the segments of a precision, which must lead from the model's input to its output.

    A tensor that crosses from one to another does so in fp32.
    """
    segments = [
        {"inputs": segment.inputs, "outputs": segment.outputs, "precision": segment.compute.mnn}
        for segment in precision.segments
    ]
    return _asked(
        path,
        signature,
        samples.x,
        mean=samples.mean,
        std=samples.std,
        runtime=precision.runtime(threads),
        hints=list(precision.hint_numbers),
        segments=segments,
    )


def _asked(path: Path, signature: Signature, images: Pixels, **how: Any) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory(prefix="farm-host-") as folder:
        x, y = Path(folder, "x.npy"), Path(folder, "y.npy")
        np.save(x, images, allow_pickle=False)
        mnn_tool.ask(
            "run",
            model=str(path),
            input=signature.input_name,
            output=signature.output_name,
            x=str(x),
            y=str(y),
            deadline_s=START_S + IMAGE_S * len(images),
            **how,
        )
        outputs = np.load(y, allow_pickle=False)
    wanted = (len(images), *signature.output_shape[1:])
    if outputs.dtype != np.float32 or outputs.shape != wanted:
        raise FarmError(
            Code.OUTPUT_MISMATCH,
            f"{path.name} gives {outputs.dtype} {list(outputs.shape)} on this machine, not float32 {list(wanted)}",
        )
    return np.asarray(outputs, np.float32)
