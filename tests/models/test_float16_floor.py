"""What float16 itself costs, worked out by hand with numpy's own float16."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from harness.errors import FarmError
from harness.models.float16_floor import write_rounded
from harness.models.host_runs import float16_floor
from tests.models.builders import (
    float_samples,
    linear_model,
    linear_weights,
    network,
    patches,
    pixel_samples,
    save,
    source_of,
)

Floats = NDArray[np.float64]


def half(values: NDArray[np.floating]) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float16).astype(np.float64)


def floor(path: Path, x: NDArray[np.float32], cache: Path) -> NDArray[np.float32]:
    samples = type(float_samples(1))(x, None, (), (), tuple(map(str, range(len(x)))))
    outputs = float16_floor(source_of(path), samples, cache=cache)
    assert outputs is not None
    return outputs


def test_every_tensor_is_rounded_and_sums_are_wide(tmp_path: Path) -> None:
    x = float_samples(5).x
    weights, bias = linear_weights()
    maps = half(np.einsum("kc,ncp->nkp", half(weights), half(patches(x))) + half(bias)[:, None])
    by_hand = half(maps.mean(axis=2))
    outputs = floor(linear_model(tmp_path / "m.onnx"), x, tmp_path)
    assert (outputs == half(outputs)).all()
    # Sums in another order may fall to the other side of a rounding, by one step of float16.
    np.testing.assert_allclose(outputs, by_hand, rtol=2**-10, atol=1e-4)
    assert np.mean(outputs == by_hand) > 0.9


def test_large_numbers_overflow_and_tiny_constants_vanish(tmp_path: Path) -> None:
    """x / (x + 1e-15) at 0 is 0 / 0 once the constant is gone; 300 squared is beyond 65504."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["p"]),
        helper.make_node("Flatten", ["p"], ["x"]),
        helper.make_node("Add", ["x", "eps"], ["below"]),
        helper.make_node("Div", ["x", "below"], ["ratio"]),
        helper.make_node("Mul", ["x", "x"], ["square"]),
        helper.make_node("Concat", ["ratio", "square"], ["y"], axis=1),
    ]
    path = save(
        tmp_path / "m.onnx",
        nodes,
        {"eps": np.array([1e-15], np.float32)},
        inputs={"image": [1, 1, 16, 16]},
        outputs={"y": [1, 2]},
    )
    x = np.stack([np.zeros((1, 16, 16)), np.full((1, 16, 16), 300.0)]).astype(np.float32)
    outputs = floor(path, x, tmp_path)
    assert np.isnan(outputs[0, 0])
    assert outputs[1].tolist() == [1.0, np.inf]


def test_the_graph_keeps_its_inputs_and_outputs(tmp_path: Path) -> None:
    write_rounded(network(tmp_path / "m.onnx"), tmp_path / "r.onnx")
    before, after = onnx.load(tmp_path / "m.onnx"), onnx.load(tmp_path / "r.onnx")
    onnx.checker.check_model(after)
    assert (before.graph.input, before.graph.output) == (after.graph.input, after.graph.output)
    casts = [node for node in after.graph.node if node.op_type == "Cast"]
    assert len(casts) == 2 * (len(before.graph.node) + 1)


def test_integers_stay_as_they_are(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Gather", ["shape", "which"], ["side"]),
        helper.make_node("Cast", ["side"], ["number"], to=onnx.TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["image"], ["p"]),
        helper.make_node("Flatten", ["p"], ["x"]),
        helper.make_node("Mul", ["x", "number"], ["y"]),
    ]
    path = save(
        tmp_path / "m.onnx",
        nodes,
        {"which": np.array([3], np.int64)},
        inputs={"image": [1, 3, 16, 16]},
        outputs={"y": [1, 3]},
    )
    x = np.full((1, 3, 16, 16), 0.5, np.float32)
    assert floor(path, x, tmp_path).tolist() == [[8.0, 8.0, 8.0]]


def test_a_floor_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, samples = source_of(network(tmp_path / "m.onnx")), pixel_samples(3)
    first = float16_floor(source, samples, cache=tmp_path)
    monkeypatch.setattr("harness.models.host_runs.write_rounded", None)
    np.testing.assert_array_equal(float16_floor(source, samples, cache=tmp_path), first)


def test_no_model_no_floor(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(FarmError):
        write_rounded(tmp_path / "m.onnx", tmp_path / "r.onnx")
