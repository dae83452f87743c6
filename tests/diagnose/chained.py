"""A model run in segments on this machine, by the code that does so on a device, against the same model whole."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.diagnose.blocks import Block
from harness.diagnose.plans import segments, uniform
from harness.models import host, mnn_tool
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.precision import Compute, Precision


def run_chain(
    path: Path, signature: Signature, samples: SampleSet, precision: Precision, *, threads: int = 1
) -> NDArray[np.float32]:
    """Return what an .mnn file gives in the segments of a precision; tensors cross from one to another in fp32.

    Raises:
        ToolError: the engine cannot run the file, or not in these segments.
    """
    asked = [
        {"inputs": segment.inputs, "outputs": segment.outputs, "precision": segment.compute.mnn}
        for segment in precision.segments
    ]
    with tempfile.TemporaryDirectory() as folder:
        x, y = Path(folder, "x.npy"), Path(folder, "y.npy")
        np.save(x, samples.x)
        mnn_tool.ask(
            "run",
            model=str(path),
            input=signature.input_name,
            output=signature.output_name,
            x=str(x),
            y=str(y),
            mean=samples.mean,
            std=samples.std,
            runtime=precision.runtime(threads),
            hints=list(precision.hint_numbers),
            segments=asked,
            deadline_s=120.0,
        )
        return np.asarray(np.load(y), np.float32)


def is_the_model(path: Path, signature: Signature, samples: SampleSet, blocks: Sequence[Block]) -> bool:
    """Return whether an .mnn file cut between all its blocks gives in fp32 to the bit what it gives uncut."""
    chain = replace(Precision("fp32"), segments=segments(blocks, uniform(len(blocks), Compute.FP32), merged=False))
    whole = host.run_file(path, signature, samples, runtime=host.fp32())
    return whole.tobytes() == run_chain(path, signature, samples, chain).tobytes()
