"""ONNX models of the usual shapes: residual, of many branches, with long skips, with attention; with usual names."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from harness.models.build import build
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.precision import Weights
from tests.models.builders import SIDE, float_samples, save, source_of

SAMPLES = float_samples(2, channels=3)
SIGNATURE = Signature("image", (1, 3, SIDE, SIDE), "logits", (1, 4))


class Net:
    """A model under construction; every method adds an operator and returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.arrays: dict[str, NDArray[Any]] = {}
        self._random = np.random.RandomState(5)

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, output: str, array: NDArray[Any]) -> str:
        self.arrays[output] = array
        return output

    def conv(self, given: str, output: str, wide: int, narrow: int = 3, *, kernel: int = 3, group: int = 1) -> str:
        shape = (wide, narrow // group, kernel, kernel)
        weights = self._random.randn(*shape) / np.sqrt(np.prod(shape[1:]))
        self.constant(f"{output}.weight", weights.astype(np.float32))
        pad = kernel // 2
        same = {"kernel_shape": [kernel, kernel], "pads": [pad] * 4, "group": group}
        return self.add("Conv", [given, f"{output}.weight"], output, **same)

    def head(self, given: str, wide: int, at: str) -> None:
        pooled = self.add("GlobalAveragePool", [given], f"{at}/pool/GlobalAveragePool_output_0")
        flat = self.add("Flatten", [pooled], f"{at}/Flatten_output_0")
        weights = self._random.randn(wide, 4).astype(np.float32)
        self.add("MatMul", [flat, self.constant(f"{at}/fc.weight", weights)], "logits")

    def save(self, path: Path) -> Path:
        given = {"image": [1, 3, SIDE, SIDE]}
        return save(path, self.nodes, self.arrays, inputs=given, outputs={"logits": [1, 4]})  # type: ignore[arg-type]


def residual(net: Net) -> None:
    """A stem, two residual blocks and a head, named by modules."""
    x = net.add("Relu", [net.conv("image", "/stem/conv/Conv_output_0", 8)], "/stem/act/Relu_output_0")
    for block in ("/layer/layer.0", "/layer/layer.1"):
        y = net.add("Relu", [net.conv(x, f"{block}/conv1/Conv_output_0", 16, 8)], f"{block}/act/Relu_output_0")
        y = net.conv(y, f"{block}/conv2/Conv_output_0", 8, 16)
        x = net.add("Add", [y, x], f"{block}/Add_output_0")
    net.head(x, 8, "/head")


def branches(net: Net) -> None:
    """Three branches of unequal length that are joined, twice; an operator that reads only an earlier shape."""
    x = net.conv("image", "/stem/Conv_output_0", 8)
    for mixed in ("/mixed.0", "/mixed.1"):
        one = net.conv(x, f"{mixed}/one/Conv_output_0", 4, 8, kernel=1)
        two = net.conv(net.conv(x, f"{mixed}/two.0/Conv_output_0", 4, 8), f"{mixed}/two.1/Conv_output_0", 4, 4)
        pool = net.add(
            "MaxPool", [x], f"{mixed}/pool/MaxPool_output_0", kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4
        )
        x = net.add("Concat", [one, two, pool], f"{mixed}/Concat_output_0", axis=1)
        x = net.conv(x, f"{mixed}/fuse/Conv_output_0", 8, 16, kernel=1)
    net.head(x, 8, "/head")


def skips(net: Net) -> None:
    """An encoder and a decoder, so that up to two tensors cross anywhere between first and last convolution."""
    outer = net.conv("image", "/down/0/Conv_output_0", 8)
    inner = net.conv(outer, "/down/1/Conv_output_0", 8, 8)
    small = net.add("AveragePool", [inner], "/down/2/AveragePool_output_0", kernel_shape=[2, 2], strides=[2, 2])
    small = net.conv(small, "/middle/Conv_output_0", 8, 8)
    roi, scale = (
        net.constant("roi", np.zeros(0, np.float32)),
        net.constant("scale", np.array([1, 1, 2, 2], np.float32)),
    )
    large = net.add("Resize", [small, roi, scale], "/up/0/Resize_output_0", mode="nearest")
    joined = net.add(
        "Concat", [large, net.add("Sigmoid", [outer], "/up/Sigmoid_output_0")], "/up/Concat_output_0", axis=1
    )
    net.head(net.conv(joined, "/up/1/Conv_output_0", 8, 16), 8, "/head")


def attention(net: Net) -> None:
    """Attention over positions with a skip, its shapes computed from an earlier tensor's."""
    x = net.conv("image", "/stem/Conv_output_0", 8, kernel=1)
    whole = net.constant("whole", np.array([0, 0, -1], np.int64))
    qkv = [net.conv(x, f"/attn/{each}/Conv_output_0", 8, 8, kernel=1) for each in "qkv"]
    q, k, v = (
        net.add("Reshape", [each, whole], f"/attn/{name}/Reshape_output_0")
        for each, name in zip(qkv, "qkv", strict=True)
    )
    rows = net.add("Transpose", [q], "/attn/Transpose_output_0", perm=[0, 2, 1])
    weights = net.add(
        "Softmax", [net.add("MatMul", [rows, k], "/attn/MatMul_output_0")], "/attn/Softmax_output_0", axis=-1
    )
    columns = net.add("Transpose", [v], "/attn/Transpose_1_output_0", perm=[0, 2, 1])
    mixed = net.add(
        "Transpose",
        [net.add("MatMul", [weights, columns], "/attn/MatMul_1_output_0")],
        "/attn/Transpose_2_output_0",
        perm=[0, 2, 1],
    )
    back = net.add("Reshape", [mixed, net.add("Shape", [x], "/attn/Shape_output_0")], "/attn/Reshape_output_0")
    x = net.add("Add", [back, x], "/attn/Add_output_0")
    net.head(net.conv(x, "/ffn/Conv_output_0", 8, 8, kernel=1), 8, "/head")


def flat(net: Net) -> None:
    """Eight convolutions in a row, named by kind and number only."""
    x = net.conv("image", "Conv_0", 8)
    for number in range(1, 8):
        x = net.conv(net.add("Sigmoid", [x], f"Sigmoid_{number}"), f"Conv_{number}", 8, 8)
    pooled = net.add("GlobalAveragePool", [x], "GlobalAveragePool_8")
    weights = np.random.RandomState(3).randn(8, 4).astype(np.float32)
    net.add("MatMul", [net.add("Flatten", [pooled], "Flatten_9"), net.constant("w", weights)], "logits")


ALL = (residual, branches, skips, attention, flat)


def converted(folder: Path, name: str, net: Any) -> Path:
    model = Net()
    net(model)
    onnx, made = model.save(folder / f"{name}.onnx"), folder / f"{name}.mnn"
    said = build(onnx, source_of(onnx).signature, Weights(), SAMPLES, made, deadline_s=120)
    assert made.is_file(), said
    return made


def samples(count: int) -> SampleSet:
    return float_samples(count, channels=3)
