"""One operator as a call, and small models, for the tests of the lint."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from harness.diagnose.lint.calibration import observe
from harness.diagnose.lint.call import Call
from harness.diagnose.lint.figures import Calibration
from harness.diagnose.lint.graph import Graph, graph_of

Floats = NDArray[np.float32]


def floats(values: Any) -> Floats:
    return np.asarray(values, np.float32)


def model(
    nodes: list[Any],
    weights: dict[str, NDArray[Any]],
    *,
    inputs: dict[str, tuple[int, ...]],
    outputs: tuple[str, ...] = ("out",),
) -> Any:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made


def call(op: str, given: list[Floats], weights: dict[str, NDArray[Any]] | None = None, **attributes: Any) -> Call:
    """An operator on some activations and weights, with what onnxruntime makes of them."""
    weights = weights or {}
    names = [f"in{index}" for index in range(len(given))]
    node = helper.make_node(op, [*names, *weights], ["out"], name="node", **attributes)
    made = model([node], weights, inputs={name: each.shape for name, each in zip(names, given, strict=True)})
    values = dict(zip(names, given, strict=True))
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    output = session.run(None, values)[0]
    graph = graph_of(made)
    return Call(graph, graph.nodes[0], {**values, **graph.constants, "out": output})


def observed(made: Any, images: list[Floats], folder: Path) -> tuple[Graph, Calibration]:
    path = folder / "model.onnx"
    onnx.save(made, str(path))
    return observe(path, images)
