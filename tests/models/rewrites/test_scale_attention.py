"""Sums of which only a ratio is used become smaller; where anything else is made of them they stay."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from harness.models import reference
from harness.models.rewrites import scale_attention
from harness.models.rewrites.factor import follow
from harness.models.rewrites.graph import constants
from harness.models.signature import Signature
from tests.models.builders import save
from tests.models.rewrites.models import WIDTH, attention, attention_by_hand, known, loaded

SIDE = 8
X = np.random.RandomState(0).randn(2, 3, SIDE, SIDE).astype(np.float32)


def answers(model: onnx.ModelProto, path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    ask = reference.Reference(path, Signature("image", (1, *x.shape[1:]), "out", (1, WIDTH)), threads=1)
    return np.concatenate([ask(x[index : index + 1]) for index in range(len(x))])


@pytest.mark.parametrize("shared", [False, True])
def test_the_ratio_is_kept_and_the_sums_are_smaller(tmp_path: Path, shared: bool) -> None:
    path = attention(tmp_path / "m.onnx", SIDE, shared=shared)
    model = loaded(path)
    before = next(known(model, X).values(["kv", "below", "above"]))
    assert scale_attention.apply(model, known(model, X)).changed == ("kv",)
    after = next(known(model, X).values(["kv", "below", "above"]))
    for name in ("kv", "below", "above"):
        # 64 tokens, and a power of two: not a bit of the sums changes but for the exponent.
        np.testing.assert_array_equal(after[name] * 64, before[name])
    by_hand = attention_by_hand(X, 1e-5)
    np.testing.assert_allclose(answers(model, tmp_path / "r.onnx", X), by_hand, rtol=1e-4, atol=1e-5)


def test_a_ratio_without_an_epsilon_is_one_too(tmp_path: Path) -> None:
    model = loaded(attention(tmp_path / "m.onnx", SIDE, epsilon=None))
    positive = np.abs(X)
    assert scale_attention.apply(model, known(model, positive)).changed == ("kv",)


def test_sums_beyond_float16_come_into_its_range(tmp_path: Path) -> None:
    model, large = loaded(attention(tmp_path / "m.onnx", 16)), np.full((1, 3, 16, 16), 15, np.float32)
    sums = ["kv", "both"]
    before = max(float(np.abs(value).max()) for value in next(known(model, large).values(sums)).values())
    scale_attention.apply(model, known(model, large))
    after = max(float(np.abs(value).max()) for value in next(known(model, large).values(sums)).values())
    # By 128 and not by the number of tokens, 256: of 1e-5 / 256 float16 would make nothing.
    assert before > 65504 > after == before / 128


@pytest.mark.parametrize(
    ("epsilon", "divided_by"),
    [(1e-5, 64), (1e-15, 64), (2.0**-24 * 4, 4), (2.0**-24 * 5, 4), (0.5, 64)],
)
def test_the_epsilon_is_scaled_too_and_never_becomes_nothing(tmp_path: Path, epsilon: float, divided_by: int) -> None:
    model = loaded(attention(tmp_path / "m.onnx", SIDE, epsilon=epsilon))
    assert scale_attention.apply(model, known(model, X)).changed == ("kv",)
    (guard,) = [node for node in model.graph.node if node.name == "guard"]
    found = constants(model.graph)[guard.input[1]]
    assert found == np.float32(epsilon) / np.float32(divided_by)
    if np.float16(epsilon) > 0:
        assert np.float16(found) > 0


def test_an_epsilon_that_would_become_nothing_forbids_it(tmp_path: Path) -> None:
    model = loaded(attention(tmp_path / "m.onnx", SIDE, epsilon=2.0**-24))
    outcome = scale_attention.apply(model, known(model, X))
    assert outcome.changed == ()
    assert "kv: an epsilon would become 0 in float16" in outcome.left


OTHERS = {
    "the sums leave the model": [helper.make_node("Identity", ["kv"], ["second"])],
    "an exponential of them": [helper.make_node("Exp", ["kv"], ["second"])],
    "their square": [helper.make_node("Mul", ["kv", "kv"], ["second"])],
    "a product of two of them": [helper.make_node("MatMul", ["above", "kv"], ["second"])],
    "one over them": [helper.make_node("Div", ["ones", "below"], ["second"])],
    "something is added to them": [helper.make_node("Add", ["above", "q"], ["second"])],
    "beside something else": [helper.make_node("Concat", ["above", "q"], ["second"], axis=2)],
    "somebody else's operator": [helper.make_node("Relu", ["kv"], ["second"], domain="own")],
}


@pytest.mark.parametrize("also", OTHERS.values(), ids=OTHERS)
def test_whatever_else_is_made_of_the_sums_forbids_it(tmp_path: Path, also: list[onnx.NodeProto]) -> None:
    model = loaded(attention(tmp_path / "m.onnx", SIDE))
    model.graph.node.extend(also)
    if also[0].op_type == "Identity":
        model.graph.output.append(onnx.ValueInfoProto(name="second"))
    before = [node.SerializeToString() for node in model.graph.node]
    for start in ("k", "kv", "k_raw"):
        assert follow(model.graph, start, constants(model.graph)) is None
    if not also[0].domain:
        outcome = scale_attention.apply(model, known(model, X))
        assert "kv: its sums are not used as a ratio only" in outcome.left
        assert "kv" not in outcome.changed
    assert [node.SerializeToString() for node in model.graph.node] == before


def test_a_reader_within_a_branch_forbids_it(tmp_path: Path) -> None:
    model = loaded(attention(tmp_path / "m.onnx", SIDE))
    info = helper.make_tensor_value_info
    branches = [
        helper.make_graph([helper.make_node(op, ["kv"], [f"in_{op}"])], op, [], [info(f"in_{op}", 1, None)])
        for op in ("Identity", "Neg")
    ]
    choice = helper.make_node("If", ["yes"], ["second"], then_branch=branches[0], else_branch=branches[1])
    model.graph.node.append(choice)
    assert follow(model.graph, "k", constants(model.graph)) is None


def test_asking_for_a_shape_is_no_use_of_the_numbers(tmp_path: Path) -> None:
    model = loaded(attention(tmp_path / "m.onnx", SIDE, also=[helper.make_node("Shape", ["kv"], ["size"])]))
    assert scale_attention.apply(model, known(model, X)).changed == ("kv",)


def test_softmax_attention_is_left(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["v"]),
        helper.make_node("Transpose", ["v"], ["k"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["v", "k"], ["scores"], name="scores"),
        helper.make_node("Softmax", ["scores"], ["weights"]),
        helper.make_node("MatMul", ["weights", "v"], ["mixed"], name="mixed"),
        helper.make_node("ReduceMean", ["mixed"], ["out"], axes=[2], keepdims=0),
    ]
    shapes = {"flat": np.array([1, 3, SIDE * SIDE])}
    path = save(tmp_path / "m.onnx", nodes, shapes, inputs={"image": [1, 3, SIDE, SIDE]}, outputs={"out": [1, 3]})
    model = loaded(path)
    outcome = scale_attention.apply(model, known(model, X))
    assert outcome.changed == ()
    assert outcome.left == ("scores: its sums are not used as a ratio only",)
