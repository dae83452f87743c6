"""Run an .mnn file on this machine, in a process of its own."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

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
            mean=mean,
            std=std,
            runtime=runtime,
            hints=list(hints),
            segments=[],
        )
        outputs = np.load(y, allow_pickle=False)
    wanted = (len(images), *signature.output_shape[1:])
    if outputs.dtype != np.float32 or outputs.shape != wanted:
        raise FarmError(
            Code.OUTPUT_MISMATCH,
            f"{path.name} gives {outputs.dtype} {list(outputs.shape)} on this machine, not float32 {list(wanted)}",
        )
    return np.asarray(outputs, np.float32)
