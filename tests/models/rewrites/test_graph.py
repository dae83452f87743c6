"""What is read from a graph, and that changes to it leave an order in which it can be run."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from harness.models.rewrites.graph import Editor, computed, constants, label, makers, opset, readers
from tests.models.builders import save
from tests.models.rewrites.models import known, loaded


@pytest.fixture
def model(tmp_path: Path) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Constant", [], ["word"], value_string=b"word"),
        helper.make_node("Constant", [], ["three"], value=numpy_helper.from_array(np.array(3, np.float32))),
        helper.make_node("Identity", ["three"], ["again"]),
        helper.make_node("Identity", ["one"], ["uno"]),
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Mul", ["two", "again"], ["six"], name="six"),
        helper.make_node("Mul", ["flat", "six"], ["out"]),
    ]
    arrays: dict[str, NDArray[Any]] = {"one": np.array([1], np.float32)}
    return loaded(save(tmp_path / "m.onnx", nodes, arrays, inputs={"image": [1, 1, 2, 2]}, outputs={"out": [1, 4]}))


def test_constants_are_initializers_and_constant_nodes_and_what_passes_them_on(model: onnx.ModelProto) -> None:
    found = {name: np.asarray(values).ravel().tolist() for name, values in constants(model.graph).items()}
    assert found == {"one": [1], "uno": [1], "two": [2], "three": [3], "again": [3]}


def test_computed_is_what_depends_on_the_image(model: onnx.ModelProto) -> None:
    assert computed(model.graph) == {"image", "flat", "out"}


def test_an_initializer_that_is_listed_as_an_input_is_no_image(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("one", 1, [1]))
    assert "one" not in computed(model.graph)


def test_makers_readers_and_labels(model: onnx.ModelProto) -> None:
    assert makers(model.graph)["six"].op_type == "Mul"
    assert [label(node) for node in readers(model.graph)["six"]] == ["out"]
    assert [label(node) for node in readers(model.graph)["two"]] == ["six"]
    assert "word" not in readers(model.graph)


def test_a_branch_reads_what_is_within_it(model: onnx.ModelProto) -> None:
    inner = helper.make_graph(
        [helper.make_node("Neg", ["flat"], ["n"])], "inner", [], [onnx.ValueInfoProto(name="n")]
    )
    model.graph.node.append(helper.make_node("If", ["two"], ["o"], name="if", then_branch=inner, else_branch=inner))
    assert [label(node) for node in readers(model.graph)["flat"]] == ["out", "if"]
    assert "o" in computed(model.graph)


def test_the_opset_is_that_of_the_standard_operators(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("own", 99))
    assert opset(model) == 17


def test_an_editor_puts_nodes_where_they_can_run(model: onnx.ModelProto) -> None:
    editor = Editor(model.graph)
    last = next(node for node in model.graph.node if node.op_type == "Mul" and node.name == "")
    half = editor.constant(last, "half", np.array(0.5, np.float32))
    editor.insert(last, [helper.make_node("Mul", ["six", half], ["three_more"])])
    last.input[1] = "three_more"
    editor.done()
    onnx.checker.check_model(model)
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    (values,) = known(model, x).values(["out", "image"])
    assert values["out"].tolist() == [[0, 3, 6, 9]]
    assert values["image"] is not None


def test_an_editor_drops_nodes_and_finds_names_that_are_free(model: onnx.ModelProto) -> None:
    editor = Editor(model.graph)
    assert editor.fresh("six") == "six_"
    assert editor.fresh("six") == "six__"
    assert editor.fresh("seven") == "seven"
    editor.drop(next(node for node in model.graph.node if "word" in node.output))
    count = len(model.graph.node)
    editor.done()
    assert len(model.graph.node) == count - 1
    onnx.checker.check_model(model)


def test_shapes_and_values_of_the_image_itself_are_known(model: onnx.ModelProto) -> None:
    x = np.random.RandomState(0).rand(3, 1, 2, 2).astype(np.float32)
    assert known(model, x).shapes(["image", "flat"]) == {"image": (1, 1, 2, 2), "flat": (1, 4)}
    seen = [values["flat"] for values in known(model, x).values(["flat"])]
    np.testing.assert_array_equal(np.concatenate(seen), x.reshape(3, 4))
    assert known(model, x).shapes(["image"]) == {"image": (1, 1, 2, 2)}
