"""Look into an .onnx file, and fix what is dynamic in it.

What can be measured: one float32 input [1, C, H, W] with C = 1 or 3, and one output [1, classes]. Of several
outputs the only one with two dimensions is taken. A dynamic batch becomes 1, dynamic height and width become
`size`; then, or where weights lie in files beside the model, a copy in one piece goes to the cache.
"""

import hashlib
from pathlib import Path
from typing import Any

from harness.cache import cache_root
from harness.errors import Code, InputError
from harness.models import reference
from harness.models.apart import apart
from harness.models.cache import making, sha256_of, write_atomic
from harness.models.signature import Shape, Signature, choose_output

_FLOAT = 1  # onnx.TensorProto.FLOAT, so that the name alone does not import onnx
_LARGEST = 2**31 - 1
"""Bytes of a protobuf file, at most."""


def load(path: Path, *, name: str, size: int | None, cache: Path | None) -> tuple[Path, str, Signature]:
    """Return the file to use (the one given, or a fixed copy), its sha256 and what goes in and comes out.

    Raises:
        InputError: (bad-model) the file is not a model of this kind; the message says why.
        FarmError: (reference-failed) onnxruntime cannot run it, or crashed on it.
    """
    return apart(look, path, name=name, size=size, cache=cache or cache_root())


def look(path: Path, *, name: str, size: int | None, cache: Path) -> tuple[Path, str, Signature]:
    """Do what `load` does, in this process."""
    model, external = _read(path, name)
    given = _only_input(model, name)
    shape = _fixed_shape(given, name=name, size=size)
    if external or shape != _dims(given):
        path = _fixed_copy(model, given.name, shape, cache)
    # Declared output shapes may be dynamic, missing or wrong: what onnxruntime gives is what counts.
    outputs = reference.output_shapes(path, given.name, shape)
    output_name, output_shape = choose_output(outputs, name)
    return path, sha256_of(path), Signature(given.name, shape, output_name, output_shape)


def _read(path: Path, name: str) -> tuple[Any, bool]:
    """Return the checked model with all its weights, and whether some lay in other files."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(path), load_external_data=False)
        external = any(onnx.external_data_helper.uses_external_data(each) for each in model.graph.initializer)
        if external:
            model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300] or "it cannot be decoded"
        raise InputError(Code.BAD_MODEL, f"model {name}: {path.name} is not a usable ONNX model: {reason}") from error
    return model, external


def _only_input(model: Any, name: str) -> Any:
    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    if len(inputs) != 1:
        seen = ", ".join(each.name for each in inputs) or "none"
        raise InputError(Code.BAD_MODEL, f"model {name}: needs exactly one input, has {seen}")
    if inputs[0].type.tensor_type.elem_type != _FLOAT:
        raise InputError(Code.BAD_MODEL, f"model {name}: its input {inputs[0].name} is not float32")
    return inputs[0]


def _dims(given: Any) -> tuple[int | str | None, ...]:
    """Return each dimension: a size, the name of a dynamic one, or None for a nameless one."""
    dims = given.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else (d.dim_param or None) for d in dims)


def _fixed_shape(given: Any, *, name: str, size: int | None) -> Shape:
    dims = _dims(given)
    where = f"model {name}: its input {given.name} {[d if d is not None else '?' for d in dims]}"
    if len(dims) != 4:
        raise InputError(Code.BAD_MODEL, f"{where} is no image: needs [1, channels, height, width]")
    wanted = (1, dims[1], *(each if isinstance(each, int) else size for each in dims[2:]))
    if None in wanted[2:]:
        raise InputError(Code.BAD_MODEL, f"{where} has a dynamic size: say `size:` in its samples section")
    if dims[0] not in (1, None) and isinstance(dims[0], int):
        raise InputError(Code.BAD_MODEL, f"{where} takes batches of {dims[0]}: export it for batches of 1")
    if wanted[1] not in (1, 3):
        hint = "; it looks like NHWC, export it as NCHW" if dims[3] in (1, 3) else ""
        raise InputError(Code.BAD_MODEL, f"{where} needs 1 or 3 channels in second place{hint}")
    if size is not None and wanted[2:] != (size, size):
        raise InputError(Code.BAD_MODEL, f"{where} does not take the size {size} of its samples section")
    return tuple(int(each) for each in wanted if each is not None)


def _fixed_copy(model: Any, input_name: str, shape: Shape, cache: Path) -> Path:
    from onnxruntime.tools.onnx_model_utils import fix_output_shapes, make_input_shape_fixed

    make_input_shape_fixed(model.graph, input_name, list(shape))
    if model.ByteSize() > _LARGEST:
        raise InputError(Code.BAD_MODEL, "the model's weights are too large for one ONNX file (2 GiB)")
    fix_output_shapes(model)
    data = model.SerializeToString(deterministic=True)
    path = cache / "models" / f"{hashlib.sha256(data).hexdigest()}.onnx"
    with making(path):
        write_atomic(path, data)
    return path
