"""Small ONNX models whose outputs can be computed by hand, and samples for them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve

Floats = NDArray[np.float32]

SIDE = 16
PATCH = 8
CHANNELS = PATCH * PATCH
CLASSES = 10


def save(
    path: Path,
    nodes: list[Any],
    weights: dict[str, NDArray[Any]],
    *,
    inputs: dict[str, list[int | str | None]],
    outputs: dict[str, list[int | str | None]],
    input_type: int = TensorProto.FLOAT,
    output_type: int = TensorProto.FLOAT,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, input_type, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, output_type, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def linear_weights(seed: int = 0) -> tuple[Floats, Floats]:
    """Weights [CLASSES, CHANNELS] with another range and centre in each row, and biases."""
    random = np.random.RandomState(seed)
    rows = random.uniform(-1, 1, (CLASSES, CHANNELS)) * np.linspace(0.1, 2, CLASSES)[:, None]
    return (rows + np.linspace(-0.5, 1, CLASSES)[:, None]).astype(np.float32), random.randn(CLASSES).astype(
        np.float32
    )


def linear_model(path: Path, *, batch: int | str | None = 1, side: int | str | None = SIDE) -> Path:
    """A model [1, 1, 16, 16] -> [1, 10] with one 1x1 convolution over 64 channels; see `linear_by_hand`."""
    weights, bias = linear_weights()
    nodes = [
        helper.make_node("SpaceToDepth", ["image"], ["patches"], blocksize=PATCH),
        helper.make_node("Conv", ["patches", "weights", "bias"], ["maps"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
    ]
    arrays = {"weights": weights[:, :, None, None], "bias": bias}
    return save(path, nodes, arrays, inputs={"image": [batch, 1, side, side]}, outputs={"logits": [batch, CLASSES]})


def patches(x: Floats) -> Floats:
    """Return what the convolution of `linear_model` sees: [N, CHANNELS, positions]."""
    parts = x.reshape(len(x), SIDE // PATCH, PATCH, SIDE // PATCH, PATCH)
    seen: Floats = parts.transpose(0, 2, 4, 1, 3).reshape(len(x), CHANNELS, -1)
    return seen


def linear_by_hand(x: Floats) -> NDArray[np.float64]:
    weights, bias = linear_weights()
    maps = np.einsum("kc,ncp->nkp", weights.astype(np.float64), patches(x).astype(np.float64))
    return np.asarray(maps.mean(axis=2) + bias)


def network(path: Path, *, pool: str = "GlobalAveragePool") -> Path:
    """A small convolutional network [1, 3, 16, 16] -> [1, 4] with a squeeze-and-excitation block."""
    random = np.random.RandomState(1)

    def weights(*shape: int) -> Floats:
        return np.asarray(random.randn(*shape) / np.sqrt(np.prod(shape[1:])), np.float32)

    mean = {"axes": [2, 3], "keepdims": 1} if pool == "ReduceMean" else {}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node(pool, ["r1"], ["squeezed"], **mean),
        helper.make_node("Conv", ["squeezed", "w2"], ["excited"], kernel_shape=[1, 1]),
        helper.make_node("Sigmoid", ["excited"], ["gate"]),
        helper.make_node("Mul", ["r1", "gate"], ["gated"]),
        helper.make_node("Conv", ["gated", "w3"], ["c3"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c3"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
    ]
    arrays = {"w1": weights(16, 3, 3, 3), "w2": weights(16, 16, 1, 1), "w3": weights(4, 16, 3, 3)}
    return save(path, nodes, arrays, inputs={"image": [1, 3, SIDE, SIDE]}, outputs={"logits": [1, 4]})


def source_of(path: Path) -> ModelSource:
    return resolve(name="test", file=path)


def float_samples(count: int, *, channels: int = 1, calibration: int = 0, seed: int = 0) -> SampleSet:
    random = np.random.RandomState(seed)
    x = random.randn(count + calibration, channels, SIDE, SIDE).astype(np.float32)
    return SampleSet(
        x=x[:count],
        labels=None,
        mean=(),
        std=(),
        names=tuple(f"x[{index}]" for index in range(count)),
        calibration=x[count:] if calibration else None,
        no_calibration="" if calibration else "none left",
    )


def pixel_samples(count: int, *, calibration: int = 0, seed: int = 0) -> SampleSet:
    x = np.random.RandomState(seed).randint(0, 256, (count + calibration, 3, SIDE, SIDE)).astype(np.uint8)
    return SampleSet(
        x=x[:count],
        labels=None,
        mean=(0.5, 0.4, 0.3),
        std=(0.25, 0.2, 0.1),
        names=tuple(map(str, range(count))),
        calibration=x[count:] if calibration else None,
        no_calibration="" if calibration else "none left",
    )
