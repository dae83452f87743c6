"""What a converted file must be before it is sent anywhere."""

from pathlib import Path

import numpy as np

from harness.errors import Code, FarmError
from harness.models import host, mnn_tool
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.precision import Weights

DEADLINE_S = 120.0


def check(made: Path, signature: Signature, samples: SampleSet, *, said: str) -> bool:
    """Return whether a file gives finite numbers for one sample in fp32 on this machine.

    Args:
        made: the file that the tool should have written.
        signature: the input and the output that it should have.
        samples: the first image is run.
        said: the last lines of the tool that should have written it, for messages.

    Raises:
        ToolError: the file is not there, or MNN cannot load or run it.
        FarmError: (conversion-failed) its input or output is another one.
    """
    if not made.is_file() or made.stat().st_size == 0:
        raise mnn_tool.ToolError("wrote no file", said)
    found = mnn_tool.ask("inspect", model=str(made), deadline_s=DEADLINE_S).values
    seen = [{each["name"]: tuple(each["shape"]) for each in found[side]} for side in ("inputs", "outputs")]
    wanted = [{signature.input_name: signature.input_shape}, {signature.output_name: signature.output_shape}]
    if seen[0] != wanted[0] or not wanted[1].items() <= seen[1].items():
        raise FarmError(Code.CONVERSION_FAILED, f"the converted file has inputs and outputs {seen}, not {wanted}")
    output = host.run_images(made, signature, samples.x[:1], samples.mean, samples.std, runtime=host.fp32())
    return bool(np.isfinite(output).all())


def nonfinite(name: str, weights: Weights) -> str:
    """Return the message for a variant whose numbers are not finite."""
    hint = (
        "; float16 holds nothing below 6e-8 or above 65504, and small constants (an eps of 1e-15) become 0"
        if weights.half
        else ""
    )
    return f"model {name} with weights {weights.stored_as} gives NaN or infinity on this machine, in fp32{hint}"
