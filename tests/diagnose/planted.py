"""ONNX models in which one known block loses the accuracy, hidden among blocks that do not.

Each is a stem, four blocks `/blocks/blocks.0` to `/blocks/blocks.3` and a head, with nodes named as torch's exporter
names them. In fp32 all of them are harmless. The block at one position has one of five causes in it:

- epsilon: x / (x + 1e-15) where tokens are masked; 1e-15 is 0 in float16, so that 0 / 0 = NaN comes out
- accumulation: a MatMul that sums 4096 positive products, as linear attention does over all tokens; the block is
  scaled by what comes of it
- overflow: values scaled by 300 twice, which takes them beyond 65504, and divided by 300 twice
- pooling: a global average over 64 x 64 positive values, by which the block is scaled
- outlier: in every channel of a convolution one weight is 1000 times as large as the rest, and what it is
  multiplied by is 1000 times smaller; so float16 keeps both, and an 8-bit scale only the one

What else is in them rounds little: short sums, no Winograd, and a head that uses ReduceMean, which MNN keeps in fp32.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from harness.diagnosis import Mechanism

Floats = NDArray[np.float32]

BLOCKS = 4
CLASSES = 10
WIDTH = 16
"""Channels between blocks."""

_INPUT, _OUTPUT = "input", "logits"


class Cause(StrEnum):
    """What is wrong with the block."""

    EPSILON = "epsilon"
    ACCUMULATION = "accumulation"
    OVERFLOW = "overflow"
    POOLING = "pooling"
    OUTLIER = "outlier"


_CULPRITS = {
    Cause.EPSILON: "Div",
    Cause.ACCUMULATION: "kv/MatMul",
    Cause.OVERFLOW: "scale_1/Mul",
    Cause.POOLING: "pool/GlobalAveragePool",
    Cause.OUTLIER: "wide/Conv",
}


MECHANISMS = {
    Cause.EPSILON: Mechanism.VANISHING,
    Cause.ACCUMULATION: Mechanism.ACCUMULATION,
    Cause.OVERFLOW: Mechanism.OVERFLOW,
    Cause.POOLING: Mechanism.POOLING,
    Cause.OUTLIER: Mechanism.WEIGHTS,
}
"""How the explanation calls each."""


def side(cause: Cause) -> int:
    """Return the height and width of the images that a model takes."""
    return 64 if cause in (Cause.ACCUMULATION, Cause.POOLING) else 32


def culprit_node(cause: Cause, position: int) -> str:
    """Return the name of the one node that loses the accuracy."""
    return f"/blocks/blocks.{position}/{_CULPRITS[cause]}"


def planted(cause: Cause, position: int) -> tuple[Any, str]:
    """Return a model, float32 [1, 3, side, side] -> [1, 10], and the name of the block that is the culprit."""
    graph = _Graph(np.random.RandomState(10 * list(Cause).index(cause) + position), side(cause))
    x = graph.convolution(_INPUT, "/stem/conv", WIDTH, inputs=3)
    x = graph.node("Relu", [x], "/stem/act")
    for index in range(BLOCKS):
        block = _BLOCKS[cause] if index == position else _innocent
        x = block(graph, x, f"/blocks/blocks.{index}")
    return _with_head(graph, x, cause), f"blocks.{position}"


def images(cause: Cause, count: int, *, seed: int = 0) -> Floats:
    """Return images [count, 3, side, side] that differ in the large, so that their classes do."""
    random = np.random.RandomState(seed)
    coarse = random.randn(count, 3, 4, 4).repeat(side(cause) // 4, axis=2).repeat(side(cause) // 4, axis=3)
    fine = random.randn(count, 3, side(cause), side(cause))
    return (random.randn(count, 3, 1, 1) + coarse + 0.3 * fine).astype(np.float32)


def write(folder: Path, cause: Cause, position: int, *, count: int = 64, seed: int = 0) -> tuple[Path, Path, str]:
    """Write model.onnx and samples.npz (x, and y as the model answers in fp32); return both and the culprit."""
    model, block = planted(cause, position)
    path, samples = folder / "model.onnx", folder / "samples.npz"
    onnx.save(model, str(path))
    x = images(cause, count, seed=seed)
    np.savez(samples, x=x, y=run(model, x).argmax(axis=1).astype(np.int64))
    return path, samples, block


def run(model: Any, x: Floats) -> Floats:
    """Return what a model answers in fp32, [N, classes], by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {_INPUT: image[None]})[0] for image in x])


@dataclass
class _Graph:
    """Nodes and weights so far."""

    random: np.random.RandomState
    side: int
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, Floats] = field(default_factory=dict)

    def node(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = f"{name}/{op}_output_0"
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"{name}/{op}", **attributes))
        return output

    def weight(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        """Add a weight and return its name, without the slash in front, as torch has it."""
        name = name.strip("/").replace("/", ".")
        self.weights[name] = np.asarray(values, dtype)
        return name

    def constant(self, name: str, value: Any) -> str:
        """Add a Constant node and return the name of its output."""
        tensor = numpy_helper.from_array(np.asarray(value), name)
        self.nodes.append(helper.make_node("Constant", [], [f"{name}_output_0"], name=name, value=tensor))
        return f"{name}_output_0"

    def mixing(self, outputs: int, inputs: int) -> Floats:
        """Return random weights [outputs, inputs] that keep the scale of what they mix."""
        return np.asarray(self.random.randn(outputs, inputs) / np.sqrt(inputs), np.float32)

    def convolution(
        self, x: str, name: str, outputs: int, *, inputs: int = WIDTH, weights: Floats | None = None
    ) -> str:
        """Add a 1x1 convolution with weights [outputs, inputs], or else random ones."""
        weights = self.mixing(outputs, inputs) if weights is None else weights
        kernel = self.weight(f"{name}.weight", weights[:, :, None, None])
        bias = self.weight(f"{name}.bias", 0.1 * self.random.randn(outputs))
        return self.node("Conv", [x, kernel, bias], name, kernel_shape=[1, 1])

    def depthwise(self, x: str, name: str) -> str:
        """Add a depthwise 3x3 convolution that leaves most of what is there."""
        kernel = 0.1 * self.random.randn(WIDTH, 1, 3, 3)
        kernel[:, 0, 1, 1] += 1
        named = self.weight(f"{name}.weight", kernel)
        return self.node("Conv", [x, named], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=WIDTH)

    def shaped(self, x: str, name: str, *shape: int) -> str:
        """Add a Reshape."""
        return self.node("Reshape", [x, self.constant(f"{name}/Constant", np.array(shape, np.int64))], name)


def _innocent(graph: _Graph, x: str, name: str) -> str:
    y = graph.depthwise(x, f"{name}/depth_conv")
    y = graph.node("Relu", [y], f"{name}/act")
    y = graph.convolution(y, f"{name}/point_conv", WIDTH)
    return graph.node("Add", [x, y], name)


def _epsilon(graph: _Graph, x: str, name: str) -> str:
    mask = np.ones((1, 1, graph.side, graph.side), np.float32)
    mask[:, :, graph.side // 2 :, graph.side // 2 :] = 0
    x = graph.node("Mul", [x, graph.weight(f"{name}.mask", mask)], f"{name}/mask")
    q = graph.node("Relu", [x], f"{name}/kernel_func")
    mixed = graph.random.randn(WIDTH, WIDTH).astype(np.float32)
    above = graph.node("Conv", [q, graph.weight(f"{name}.kv", mixed[:, :, None, None])], f"{name}/kv")
    channels = graph.weight(f"{name}.axes", [1], np.int64)
    below = graph.node("ReduceSum", [q, channels], f"{name}/q_sum", keepdims=1)
    below = graph.node("Add", [below, graph.constant(f"{name}/Constant", np.float32(1e-15))], f"{name}/eps")
    y = graph.node("Div", [above, below], name)
    return graph.node("Add", [x, graph.convolution(y, f"{name}/proj", WIDTH)], name)


def _accumulation(graph: _Graph, x: str, name: str) -> str:
    tokens, heads = graph.side**2, 8
    zero, one = (graph.constant(f"{name}/k/act/Constant_{number}", np.float32(number)) for number in (0, 1))
    keys = graph.node("Clip", [graph.convolution(x, f"{name}/k", heads), zero, one], f"{name}/k/act")
    keys = graph.shaped(keys, f"{name}/k/flat", 1, heads, tokens)
    small = graph.mixing(heads, WIDTH) / np.float32(8)  # the sums are to stay far from 65504
    values = graph.node("Relu", [graph.convolution(x, f"{name}/v", heads, weights=small)], f"{name}/v/act")
    values = graph.shaped(values, f"{name}/v/flat", 1, heads, tokens)
    values = graph.node("Transpose", [values], f"{name}/v", perm=[0, 2, 1])
    kv = graph.node("MatMul", [keys, values], f"{name}/kv")
    kv = graph.node("Mul", [kv, graph.constant(f"{name}/Constant", np.float32(32 / tokens))], f"{name}/mean")
    kv = graph.shaped(kv, f"{name}/kv/flat", 1, heads**2, 1, 1)
    gates = np.asarray(graph.random.uniform(0.5, 1.5, (WIDTH, heads**2)) / heads**2, np.float32)
    return graph.node("Mul", [x, graph.convolution(kv, f"{name}/fc", WIDTH, inputs=heads**2, weights=gates)], name)


def _overflow(graph: _Graph, x: str, name: str) -> str:
    y = graph.convolution(x, f"{name}/conv", WIDTH)
    y = graph.node("Mul", [y, graph.constant(f"{name}/Constant", np.float32(300))], f"{name}/scale")
    y = graph.node("Relu", [y], f"{name}/act")
    y = graph.node("Mul", [y, graph.constant(f"{name}/Constant_1", np.float32(300))], f"{name}/scale_1")
    y = graph.node("Div", [y, graph.constant(f"{name}/Constant_2", np.float32(300))], f"{name}/back")
    y = graph.node("Div", [y, graph.constant(f"{name}/Constant_3", np.float32(300))], f"{name}/back_1")
    return graph.node("Add", [x, y], name)


def _pooling(graph: _Graph, x: str, name: str) -> str:
    positive = graph.node("Relu", [x], f"{name}/act")
    pooled = graph.node("GlobalAveragePool", [positive], f"{name}/pool")
    gates = np.asarray(0.5 * np.eye(WIDTH) + graph.random.uniform(0, 0.05, (WIDTH, WIDTH)), np.float32)
    return graph.node("Mul", [x, graph.convolution(pooled, f"{name}/fc", WIDTH, weights=gates)], name)


def _outlier(graph: _Graph, x: str, name: str) -> str:
    narrow, wide = graph.mixing(WIDTH, WIDTH), graph.mixing(WIDTH, WIDTH)
    narrow[3] /= 1000
    wide[:, 3] *= 1000
    y = graph.convolution(x, f"{name}/narrow", WIDTH, weights=narrow)
    graph.weights[f"{name.strip('/').replace('/', '.')}.narrow.bias"][3] /= 1000
    y = graph.node("Relu", [y], f"{name}/act")
    return graph.node("Add", [x, graph.convolution(y, f"{name}/wide", WIDTH, weights=wide)], name)


_BLOCKS: dict[Cause, Callable[[_Graph, str, str], str]] = {
    Cause.EPSILON: _epsilon,
    Cause.ACCUMULATION: _accumulation,
    Cause.OVERFLOW: _overflow,
    Cause.POOLING: _pooling,
    Cause.OUTLIER: _outlier,
}


def _with_head(graph: _Graph, x: str, cause: Cause) -> Any:
    """Add the classifier. Its bias takes away what all images have in common, so that every class is somebody's."""
    pooled = graph.node("ReduceMean", [x], "/head/pool", axes=[2, 3], keepdims=1)
    flat = graph.node("Flatten", [pooled], "/head/flatten")
    features = run(_model(graph, flat, WIDTH), images(cause, 64, seed=1))
    rows = graph.mixing(CLASSES, WIDTH)
    weights = [graph.weight("head.weight", rows), graph.weight("head.bias", -rows @ features.mean(axis=0))]
    graph.nodes.append(helper.make_node("Gemm", [flat, *weights], [_OUTPUT], name="/head/classifier/Gemm", transB=1))
    return _model(graph, _OUTPUT, CLASSES)


def _model(graph: _Graph, output: str, width: int) -> Any:
    made = helper.make_graph(
        graph.nodes,
        "planted",
        [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, [1, 3, graph.side, graph.side])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, width])],
        [numpy_helper.from_array(values, name) for name, values in graph.weights.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], producer_name="planted")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
