"""Read the graph of an .mnn file, through MNN in a process of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.diagnose.attribution import Ran, attribute
from harness.diagnose.graph import Graph, Operator, Tensor, build
from harness.errors import Code, FarmError
from harness.models import mnn_tool
from harness.models.signature import Signature

DEADLINE_S = 300.0
_BINARY = "BinaryOp"


def read(path: Path, signature: Signature, *, deadline_s: float = DEADLINE_S) -> Graph:
    """Return the graph of an .mnn file, from the input to the output that are used.

    Raises:
        FarmError: (bad-model) MNN cannot load or run it here, or it is no graph of that input and output.
    """
    try:
        found = mnn_tool.ask(
            "graph",
            model=str(path.absolute()),
            input=signature.input_name,
            shape=signature.input_shape,
            deadline_s=deadline_s,
        ).values
    except mnn_tool.ToolError as error:
        raise FarmError(Code.BAD_MODEL, f"the graph of {path.name} could not be read: MNN {error}") from error
    made_by = {each["name"]: each["made_by"] for each in found["tensors"]}
    written = [
        Operator(each["name"], _type(each, made_by), tuple(each["inputs"]), tuple(each["outputs"]))
        for each in found["operators"]
    ]
    operators, unattributed = attribute(written, (Ran(**each) for each in found["ran"]))
    return build(
        operators,
        input_name=signature.input_name,
        output_name=signature.output_name,
        tensors=[
            Tensor(each["name"], tuple(each["shape"]), each["format"], each["dtype"]) for each in found["tensors"]
        ],
        unattributed=unattributed,
    )


def _type(operator: Mapping[str, Any], made_by: Mapping[str, str]) -> str:
    """Return what an operator does; the file calls all that takes two tensors BinaryOp."""
    kind, outputs = str(operator["type"]), operator["outputs"]
    return made_by.get(outputs[0], kind) if kind == _BINARY and outputs else kind
