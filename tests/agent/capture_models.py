"""Models for the capture: a culprit among innocents, operators of many kinds, one operator alone."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.agent.models import Floats, Model, converted

CULPRIT = "culprit"
LENGTH = 4096
LOGITS = {"logits": (TensorProto.FLOAT, [1, 10])}


def planted(folder: Path) -> Model:
    """A network in which one product adds up 4096 positive terms, between innocent layers.

    In float16 the sum, near 1000, is added up in steps of up to 0.5.
    """
    nodes = [
        _node("Conv", ["image", "w1", "b1"], "c1", kernel_shape=[1, 1]),
        _node("Sigmoid", ["c1"], "positive"),
        _node("Reshape", ["positive", "flat"], "line"),
        _node("MatMul", ["line", "w2"], CULPRIT),
        _node("Mul", [CULPRIT, "scale"], "scaled"),
        _node("Tanh", ["scaled"], "bent"),
        _node("Gemm", ["bent", "w3", "b3"], "logits", transB=1),
    ]
    random = np.random.default_rng(5)
    arrays: dict[str, NDArray[Any]] = {
        "w1": _normal(random, 16, 3, 1, 1),
        "b1": _normal(random, 16),
        "flat": np.array([1, LENGTH]),
        "w2": random.uniform(0.25, 0.75, (LENGTH, 32)).astype(np.float32),
        "scale": np.array(1 / LENGTH, np.float32),
        "w3": _normal(random, 10, 32),
        "b3": _normal(random, 10),
    }
    return converted(folder, nodes, arrays, LOGITS)


def many_kinds(folder: Path) -> Model:
    """Operators with several outputs, outputs that are integers or one number, views, and inputs used twice."""
    nodes = [
        _node("Conv", ["image", "w1"], "c1", kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Split", ["c1", "parts"], ["s1", "s2"], axis=1),
        _node("Sigmoid", ["s1"], "g1"),
        _node("Tanh", ["s2"], "t2"),
        _node("Concat", ["g1", "t2"], "joined", axis=1),
        _node("Slice", ["joined", "from", "to", "axis"], "sliced"),
        _node("ConvTranspose", ["sliced", "w2"], "wide", kernel_shape=[2, 2], strides=[2, 2]),
        _node("ReduceMean", ["wide"], "mean", keepdims=0),
        _node("Add", ["mean", "epsilon"], "divisor"),
        _node("Div", ["wide", "divisor"], "divided"),
        _node("Flatten", ["divided"], "line"),
        helper.make_node("TopK", ["line", "most"], ["largest", "places"], axis=1),
        _node("Reshape", ["largest", "square"], "rows"),
        _node("Transpose", ["rows"], "columns", perm=[0, 2, 1]),
        _node("MatMul", ["rows", "columns"], "products"),
        _node("Softmax", ["products"], "weights", axis=-1),
        _node("MatMul", ["weights", "rows"], "mixed"),
        _node("LayerNormalization", ["mixed", "ones"], "normal", axis=-1),
        _node("ArgMax", ["normal"], "which", axis=2, keepdims=0),
        _node("Cast", ["which"], "which_float", to=TensorProto.FLOAT),
        _node("Flatten", ["normal"], "normal_line"),
        _node("Concat", ["normal_line", "which_float"], "all", axis=1),
        _node("Gemm", ["all", "w3"], "logits", transB=1),
    ]
    random = np.random.default_rng(6)
    arrays: dict[str, NDArray[Any]] = {
        "w1": _normal(random, 32, 3, 3, 3),
        "parts": np.array([10, 22]),
        "from": np.array([3]),
        "to": np.array([27]),
        "axis": np.array([1]),
        "w2": _normal(random, 24, 8, 2, 2),
        "epsilon": np.array(1e-15, np.float32),
        "most": np.array([64]),
        "square": np.array([1, 8, 8]),
        "ones": np.ones(8, np.float32),
        "w3": _normal(random, 10, 72),
    }
    return converted(folder, nodes, arrays, LOGITS)


def convolution_alone(folder: Path, weights: Floats, *flags: str) -> Model:
    """A 3x3 convolution and nothing else; the image has as many channels as it takes."""
    nodes = [_node("Conv", ["image", "w"], "logits", kernel_shape=[3, 3], pads=[1] * 4)]
    out, into = weights.shape[:2]
    shapes = {"logits": (TensorProto.FLOAT, [1, out, 16, 16])}
    return converted(folder, nodes, {"w": weights}, shapes, *flags, shape=(1, into, 16, 16))


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, [output], **attributes)


def _normal(random: np.random.Generator, *shape: int) -> Floats:
    return np.asarray(random.standard_normal(shape) / np.sqrt(np.prod(shape[1:])), np.float32)
