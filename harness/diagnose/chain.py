"""Whether a model in segments is still the model: in fp32 throughout, its outputs must be the same to the bit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.diagnose.blocks import Block
from harness.diagnose.plans import segments, uniform
from harness.errors import Code, FarmError
from harness.models import host, mnn_tool
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.precision import Compute, Precision


def check_chain(
    path: Path,
    signature: Signature,
    samples: SampleSet,
    blocks: Sequence[Block],
    precision: Precision | None = None,
    *,
    threads: int = 1,
) -> bool:
    """Return whether an .mnn file cut between all its blocks gives, in fp32 on this machine, what it gives uncut.

    Args:
        path: the file.
        signature: its input and output.
        samples: what it is run on, all of them.
        blocks: all of the model.
        precision: whose memory mode, backend and hints are used; plain fp32 where None.
        threads: of the engine.

    Raises:
        FarmError: (inference-failed) the engine cannot run the file, or not in these segments; output-mismatch.
    """
    base = replace(precision or Precision("fp32"), compute=Compute.FP32)
    chain = replace(base, segments=segments(blocks, uniform(len(blocks), Compute.FP32), merged=False))
    try:
        whole = host.run_file(path, signature, samples, runtime=base.runtime(threads), hints=base.hint_numbers)
        parts = host.run_chain(path, signature, samples, chain, threads=threads)
    except mnn_tool.ToolError as error:
        raise FarmError(
            Code.INFERENCE_FAILED, f"{path.name} in {len(chain.segments)} segments: MNN {error}"
        ) from error
    return whole.tobytes() == parts.tobytes()
