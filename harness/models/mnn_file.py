"""Look into an .mnn file of the user's, through MNN in a process of its own.

A file whose height and width are dynamic is used as it is, with inputs of the `size` given.

Such a file has no ONNX model beside it: its reference is itself in fp32 on this machine, and only the
precisions that leave its weights as they are stored can be measured.
"""

from pathlib import Path
from typing import Any

from harness.errors import Code, InputError
from harness.models import mnn_tool
from harness.models.cache import sha256_of
from harness.models.signature import Shape, Signature, choose_output

DEADLINE_S = 120.0


def load(path: Path, *, name: str, size: int | None, cache: Path | None) -> tuple[Path, str, Signature]:  # noqa: ARG001
    """Return the file, its sha256 and what goes in and comes out. The signature is that of `onnx_file.load`.

    Raises:
        InputError: (bad-model) MNN cannot load the file, or it is not a model that can be measured.
    """
    try:
        found = mnn_tool.ask("inspect", model=str(path), size=size, deadline_s=DEADLINE_S).values
    except mnn_tool.ToolError as failure:
        raise InputError(Code.BAD_MODEL, f"model {name}: MNN cannot load {path.name}: {failure}") from failure
    input_name, shape = _only_input(found["inputs"], name)
    if size is not None and shape[2:] != (size, size):
        raise InputError(
            Code.BAD_MODEL, f"model {name}: its input {input_name} {list(shape)} does not take the size {size}"
        )
    outputs = {each["name"]: tuple(each["shape"]) for each in found["outputs"]}
    return path, sha256_of(path), Signature(input_name, shape, *choose_output(outputs, name))


def _only_input(inputs: list[dict[str, Any]], name: str) -> tuple[str, Shape]:
    if len(inputs) != 1:
        seen = ", ".join(each["name"] for each in inputs) or "none"
        raise InputError(Code.BAD_MODEL, f"model {name}: needs exactly one input, has {seen}")
    given, shape = inputs[0]["name"], tuple(inputs[0]["shape"])
    if inputs[0]["dtype"] != "float":
        raise InputError(Code.BAD_MODEL, f"model {name}: its input {given} is {inputs[0]['dtype']}, not float32")
    if len(shape) == 4 and -1 in shape[2:]:
        raise InputError(
            Code.BAD_MODEL,
            f"model {name}: its input {given} {list(shape)} has a dynamic size: say `size:` in its samples section",
        )
    if len(shape) != 4 or shape[0] != 1 or shape[1] not in (1, 3) or min(shape) < 1:
        raise InputError(
            Code.BAD_MODEL,
            f"model {name}: its input {given} {list(shape)} is not [1, 1 or 3, height, width] of fixed size",
        )
    return given, shape
