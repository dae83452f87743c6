"""Pooling over whole maps becomes ReduceMean, and nothing else does."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from harness.models import reference
from harness.models.rewrites import mean_pool
from harness.models.signature import Signature
from tests.models.raw_mnn import verdicts
from tests.models.rewrites.models import known, loaded, rest

SHAPE = (1, 3, 6, 4)
X = np.random.RandomState(0).randn(*SHAPE).astype(np.float32)


def pool(path: Path, kind: str, opset: int = 17, shape: tuple[int, ...] = SHAPE, **options: Any) -> Path:
    nodes = [
        helper.make_node(kind, ["image"], ["pooled"], name="pool", **options),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "pool", [info("image", 1, shape)], [info("out", 1, [1, None])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), str(path))
    return path


def answer(path: Path, x: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    signature = Signature("image", x.shape, "out", (1, classes))
    return reference.Reference(path, signature, threads=1)(x)


WHOLE = [
    ("GlobalAveragePool", {}),
    ("AveragePool", {"kernel_shape": [6, 4]}),
    ("AveragePool", {"kernel_shape": [6, 4], "strides": [2, 2], "pads": [0, 0, 0, 0], "auto_pad": "VALID"}),
]


@pytest.mark.parametrize("opset", [11, 17, 18, 21])
@pytest.mark.parametrize(("kind", "options"), WHOLE)
def test_a_pooling_over_the_whole_map_becomes_the_mean(
    tmp_path: Path, kind: str, options: dict[str, Any], opset: int
) -> None:
    model = loaded(pool(tmp_path / "m.onnx", kind, opset, **options))
    assert mean_pool.apply(model, known(model, X)).changed == ("pool",)
    assert [each for each in rest(model) if each != "Constant"] == ["ReduceMean", "Flatten"]
    onnx.checker.check_model(model)
    onnx.save(model, str(tmp_path / "r.onnx"))
    by_hand = X.astype(np.float64).mean(axis=(2, 3))
    np.testing.assert_allclose(answer(tmp_path / "r.onnx", X, 3), by_hand, rtol=1e-5, atol=1e-6)


PARTS = [
    {"kernel_shape": [6, 3]},
    {"kernel_shape": [3, 2], "strides": [3, 2]},
    {"kernel_shape": [6, 4], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [6, 4], "auto_pad": "SAME_UPPER"},
]


@pytest.mark.parametrize("options", PARTS)
def test_a_pooling_over_parts_is_left(tmp_path: Path, options: dict[str, Any]) -> None:
    model = loaded(pool(tmp_path / "m.onnx", "AveragePool", **options))
    before = model.SerializeToString(deterministic=True)
    outcome = mean_pool.apply(model, known(model, X))
    assert (outcome.changed, outcome.left) == ((), ("pool: it pools over parts of the map",))
    assert model.SerializeToString(deterministic=True) == before


def test_a_map_of_one_position_has_nothing_to_add_up(tmp_path: Path) -> None:
    model = loaded(pool(tmp_path / "m.onnx", "GlobalAveragePool", shape=(1, 3, 1, 1)))
    outcome = mean_pool.apply(model, known(model, X[:, :, :1, :1]))
    assert (outcome.changed, outcome.left) == ((), ("pool: its map is a single position",))


def test_an_operator_of_somebody_elses_is_not_taken_for_a_pooling(tmp_path: Path) -> None:
    model = loaded(pool(tmp_path / "m.onnx", "GlobalAveragePool"))
    model.graph.node[0].domain = "own"
    assert mean_pool.apply(model, known(model, X)).changed == ()


def test_the_converter_does_not_turn_it_back(tmp_path: Path) -> None:
    """Nor would it run in fp32 as a pooling: behind a convolution, which is where such poolings stand."""
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["map"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    weights = np.random.RandomState(1).randn(8, 3, 1, 1).astype(np.float32)
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "pool", [info("image", 1, SHAPE)], [info("out", 1, [1, 8])], [numpy_helper.from_array(weights, "w")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "a.onnx"))
    mean_pool.apply(model, known(model, X))
    onnx.save(model, str(tmp_path / "b.onnx"))
    np.save(tmp_path / "x.npy", X)
    found: dict[str, Any] = verdicts(
        """
import MNN
found = {}
for name in "ab":
    convert(name + ".onnx", name + ".mnn")
    found[name] = sorted({one.op_type for one in MNN.expr.load_as_dict(name + ".mnn").values()})
net = module("b.mnn", {"backend": 0, "numThread": 1, "precision": 1}, outputs=("out",))
y = net.forward([MNN.expr.const(np.load("x.npy"), [1, 3, 6, 4], MNN.expr.NCHW)])[0]
found["y"] = np.array(MNN.expr.convert(y, MNN.expr.NCHW).read()).ravel().tolist()
""",
        cwd=tmp_path,
    )
    before, after = (set(found[name]) for name in "ab")
    assert {each for each in before if each.startswith("Pooling")}
    assert not {each for each in after if each.startswith("Pooling")}
    assert "Reduction" in after
    by_hand = np.einsum("oc,nchw->no", weights[:, :, 0, 0].astype(np.float64), X) / 24
    np.testing.assert_allclose(found["y"], by_hand[0], rtol=1e-5, atol=1e-6)
