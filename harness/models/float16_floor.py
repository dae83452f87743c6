"""What float16 itself must cost a model: every tensor rounded to it, every operator computed more widely.

An engine's fp16 kernels lose more than that where they also accumulate in float16, or estimate instead of divide.
The graph is changed, not the runtime: behind each float32 tensor stand a cast to float16 and one back, and
constants are rounded. onnxruntime then computes each operator in float32, with all its optimisations off, since
they would remove pairs of casts.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import Code, FarmError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_EXACT, _HALF = "__before_rounding", "__as_float16"


def write_rounded(path: Path, rounded: Path) -> None:
    """Write a copy of an .onnx file whose float32 tensors are all rounded to float16.

    Tensors within the branches of If and Loop are left as they are.

    Raises:
        FarmError: (reference-failed) the file is no valid model.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    except (DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise FarmError(Code.REFERENCE_FAILED, f"{path.name} cannot be rounded to float16: {error}") from error
    _round(model)
    onnx.save(model, str(rounded))


def _round(model: "ModelProto") -> None:
    graph = model.graph
    floats = _floats(graph)
    constants = {tensor.name for tensor in graph.initializer}
    _round_constants(graph)
    nodes: list[NodeProto] = []
    inputs = {value.name for value in graph.input if value.name in floats} - constants
    for name in sorted(inputs):
        nodes += _casts(name, name + _EXACT)
    for node in graph.node:
        node.input[:] = [name + _EXACT if name in inputs else name for name in node.input]
        outputs = [name for name in node.output if name in floats]
        node.output[:] = [name + _EXACT if name in floats else name for name in node.output]
        nodes.append(node)
        for name in outputs:
            nodes += _casts(name + _EXACT, name)
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)
    del graph.value_info[:]  # they describe tensors under names that others have now


def _floats(graph: "GraphProto") -> set[str]:
    from onnx import TensorProto

    described = [*graph.input, *graph.value_info, *graph.output]
    return {value.name for value in described if value.type.tensor_type.elem_type == TensorProto.FLOAT}


def _round_constants(graph: "GraphProto") -> None:
    from onnx import TensorProto, numpy_helper

    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            with np.errstate(over="ignore"):
                values = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _casts(source: str, target: str) -> "list[NodeProto]":
    from onnx import TensorProto, helper

    half = target + _HALF
    return [
        helper.make_node("Cast", [source], [half], to=TensorProto.FLOAT16),
        helper.make_node("Cast", [half], [target], to=TensorProto.FLOAT),
    ]
