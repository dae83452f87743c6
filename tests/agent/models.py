"""Small models, converted by MNN's own converter, and what onnxruntime makes of them."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

SIDE = 16
CHANNELS = 3
IMAGES = 6
PIXELS = np.random.default_rng(1).integers(0, 256, (IMAGES, CHANNELS, SIDE, SIDE), dtype=np.uint8)
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
SAMPLES = (
    (PIXELS.astype(np.float32) / np.float32(255) - np.array(MEAN, np.float32)[None, :, None, None])
    / np.array(STD, np.float32)[None, :, None, None]
).astype(np.float32)

# Not the console script: that one installs packages and reports to a server.
_CONVERT = (
    "import sys, _tools; _tools.mnnconvert(['mnnconvert', '-f', 'ONNX', '--modelFile', sys.argv[1],"
    " '--MNNModel', sys.argv[2], '--bizCode', 'x', *sys.argv[3:]])"
)


@dataclass(frozen=True)
class Model:
    """A model as ONNX and for MNN, with the names of its outputs; the input is `image`."""

    onnx_file: Path
    mnn: bytes
    outputs: tuple[str, ...]

    def reference(self, x: NDArray[Any], output: str = "") -> Floats:
        """Return the first output, or any tensor by name, for each image by onnxruntime."""
        graph = onnx.load(str(self.onnx_file))
        if output and output not in self.outputs:
            graph.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        wanted = [output or self.outputs[0]]
        answers = [session.run(wanted, {"image": x[i : i + 1].astype(np.float32)})[0] for i in range(len(x))]
        return np.asarray(np.concatenate(answers), np.float32)


def convolutions(folder: Path, *flags: str) -> Model:
    """A network with convolutions, a sigmoid gate and logits [1, 10]."""
    nodes = [
        *_trunk(),
        helper.make_node("GlobalAveragePool", ["gated"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["logits"], transB=1),
    ]
    return _converted(folder, nodes, {"logits": (TensorProto.FLOAT, [1, 10])}, flags)


def maps_and_classes(folder: Path) -> Model:
    """A network with two outputs: feature maps, which the engine keeps in its own layout, and an integer class."""
    nodes = [
        *_trunk(),
        helper.make_node("Conv", ["gated", "w4"], ["maps"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("ArgMax", ["flat"], ["class"], axis=1, keepdims=0),
    ]
    outputs = {"maps": (TensorProto.FLOAT, [1, 10, SIDE, SIDE]), "class": (TensorProto.INT64, [1])}
    return _converted(folder, nodes, outputs, ())


def _trunk() -> list[Any]:
    return [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c2"], ["gate"]),
        helper.make_node("Mul", ["r1", "gate"], ["gated"]),
    ]


def _converted(
    folder: Path, nodes: list[Any], outputs: dict[str, tuple[int, list[int]]], flags: tuple[str, ...]
) -> Model:
    random = np.random.default_rng(2)
    shapes = {
        "w1": (32, 3, 3, 3),
        "b1": (32,),
        "w2": (32, 32, 3, 3),
        "w3": (10, 32),
        "b3": (10,),
        "w4": (10, 32, 1, 1),
    }
    used = {name for node in nodes for name in node.input}
    arrays = {
        name: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for name, shape in shapes.items()
    }
    return converted(folder, nodes, {name: arrays[name] for name in arrays if name in used}, outputs, *flags)


def converted(
    folder: Path,
    nodes: list[Any],
    arrays: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, tuple[int, list[int]]],
    *flags: str,
    shape: Sequence[int] = (1, CHANNELS, SIDE, SIDE),
) -> Model:
    """Make a model of nodes and constants; its input is `image`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(name, kind, form) for name, (kind, form) in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.checker.check_model(made)
    source, target = folder / "model.onnx", folder / "model.mnn"
    onnx.save(made, str(source))
    command = [sys.executable, "-c", _CONVERT, str(source), str(target), *flags]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return Model(source, target.read_bytes(), tuple(outputs))
