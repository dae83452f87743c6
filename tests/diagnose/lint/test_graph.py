"""ONNX graphs as plain values."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.graph import graph_of, load
from harness.diagnose.lint.one_node import OneNode
from harness.errors import Code, InputError
from tests.diagnose.lint.builders import call, floats, model


def test_constants_of_all_kinds_are_constants() -> None:
    tensor = numpy_helper.from_array(floats([1, 2]), "t")
    nodes = [
        helper.make_node("Constant", [], ["a"], value=tensor),
        helper.make_node("Constant", [], ["b"], value_float=0.5),
        helper.make_node("Constant", [], ["c"], value_ints=[3, 4]),
        helper.make_node("Add", ["x", "a"], ["y"], name="/add"),
        helper.make_node("Mul", ["y", "b"], ["out"]),
    ]
    found = graph_of(model(nodes, {"w": floats([7])}, inputs={"x": (1, 2)}))
    assert {name: value.tolist() for name, value in found.constants.items()} == {
        "w": [7.0],
        "a": [1.0, 2.0],
        "b": 0.5,
        "c": [3, 4],
    }
    assert found.constants["b"].dtype == np.float32
    assert [(node.name, node.op) for node in found.nodes] == [("/add", "Add"), ("out", "Mul")]
    assert (found.inputs, found.outputs, found.opsets) == (("x",), ("out",), (("", 17),))


def test_weights_that_are_inputs_too_are_no_inputs() -> None:
    nodes = [helper.make_node("Add", ["x", "w"], ["out"])]
    assert graph_of(model(nodes, {"w": floats([1])}, inputs={"x": (1,), "w": (1,)})).inputs == ("x",)


def test_who_reads_a_tensor() -> None:
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["y"], name="square"),
        helper.make_node("Add", ["x", "y"], ["out"], name="sum"),
    ]
    users = graph_of(model(nodes, {}, inputs={"x": (1,)})).users
    assert {name: [node.name for node in each] for name, each in users.items()} == {
        "x": ["square", "sum"],
        "y": ["sum"],
    }


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    made = model([helper.make_node("MatMul", ["x", "w"], ["out"])], {"w": np.ones((64, 64))}, inputs={"x": (1, 64)})
    onnx.save(made, str(tmp_path / "m.onnx"), save_as_external_data=True, size_threshold=0)
    assert graph_of(load(tmp_path / "m.onnx")).constants["w"].sum() == 64 * 64


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff", b"not a model"])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.problem.code is Code.BAD_MODEL


def test_one_operator_by_itself() -> None:
    made = call("Clip", [floats([-1, 0.5, 9])], {"low": floats(0), "high": floats(6)})
    alone = OneNode(made)
    assert alone.names == ("in0", "low", "high")
    assert alone(made.values).tolist() == [0.0, 0.5, 6.0]
    assert alone({**made.values, "high": floats(0.25)}).tolist() == [0.0, 0.25, 0.25]


def test_inputs_that_are_left_out_or_given_twice() -> None:
    nodes = [helper.make_node("Clip", ["x", "", "x"], ["out"], name="clip")]
    graph = graph_of(model(nodes, {}, inputs={"x": ()}))
    alone = OneNode(Call(graph, graph.nodes[0], {"x": floats(3), "out": floats(3)}))
    assert alone.names == ("x",)
    assert alone({"x": floats(5)}) == 5.0


def test_what_onnxruntime_does_not_take() -> None:
    nodes = [helper.make_node("NoSuchOperator", ["x"], ["out"], name="odd")]
    graph = graph_of(model(nodes, {}, inputs={"x": (1,)}))
    with pytest.raises(ValueError, match="odd"):
        OneNode(Call(graph, graph.nodes[0], {"x": floats([1])}))
    made = call("Reshape", [floats([1, 2])], {"shape": np.array([2, 1])})
    with pytest.raises(ValueError, match=r"."):
        OneNode(made)({**made.values, "shape": np.array([7])})
