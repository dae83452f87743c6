"""Order, dependence on the image, and files that are no such graph."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnose.graph import Graph, Operator, build
from harness.errors import Code, FarmError
from tests.diagnose.graphs import node, random_graphs, reachable, row

IMAGE = Operator("image", "Input", (), ("image",))


def made(*operators: Operator, output: str = "y") -> Graph:
    return build([IMAGE, *operators], input_name="image", output_name=output)


@given(random_graphs())
def test_every_operator_comes_after_those_it_needs(graph: Graph) -> None:
    seen: set[str] = set()
    for operator in graph.operators:
        assert set(operator.inputs) <= seen
        seen |= set(operator.outputs)


@given(random_graphs())
def test_the_path_is_what_lies_between_input_and_output(graph: Graph) -> None:
    from_image = reachable(graph.operators, "in", removed=None)
    to_output = {"out"}
    for operator in reversed(graph.operators):
        if to_output & set(operator.outputs):
            to_output |= set(operator.inputs)
    wanted = [o for o in graph.operators if from_image & set(o.outputs) and to_output & set(o.outputs)]
    assert list(graph.path) == wanted
    assert {o.name for o in graph.operators if o.constant} == {
        o.name for o in graph.operators if not from_image & set(o.outputs)
    }


@given(random_graphs(), st.randoms(use_true_random=False))
def test_the_order_in_the_file_changes_neither_path_nor_sum(graph: Graph, random: Random) -> None:
    shuffled = list(graph.operators)
    random.shuffle(shuffled)
    again = build(shuffled, input_name="in", output_name="out")
    assert {o.name for o in again.path} == {o.name for o in graph.path}
    assert again.multiply_adds == graph.multiply_adds


def test_one_branch_is_finished_before_the_next_begins() -> None:
    """File order: both branches in turn, so that three tensors wait; depth first, two do."""
    graph = made(node("a1", "image"), node("b1", "image"), node("a2", "a1"), node("b2", "b1"), node("y", "a2", "b2"))
    assert [o.name for o in graph.path] == ["image", "a1", "a2", "b1", "b2", "y"]


def test_constants_and_dead_ends_are_not_on_the_path() -> None:
    graph = made(
        Operator("k", "Const", (), ("k",), 7.0), node("k2", "k", work=5.0), node("y", "image", "k2", work=3.0),
        node("aux", "y", work=11.0),
    )  # fmt: skip
    assert [o.name for o in graph.path] == ["image", "y"]
    assert {o.name: o.constant for o in graph.operators} == {
        "image": False, "k": True, "k2": True, "y": False, "aux": False,
    }  # fmt: skip
    assert graph.multiply_adds == 3.0


def test_a_shape_depends_on_the_image_that_it_is_read_from() -> None:
    graph = made(node("x", "image"), Operator("s", "Shape", ("x",), ("s",)), node("y", "x", "s"))
    assert [o.name for o in graph.path] == ["image", "x", "s", "y"]


def test_a_long_row_needs_no_deep_stack() -> None:
    assert len(row(*((f"n{index}", 1.0) for index in range(20_000))).path) == 20_001


@pytest.mark.parametrize(
    ("operators", "output", "message"),
    [
        ([node("y", "image")], "z", "no tensor z"),
        ([node("x", "y"), node("y", "x", "image")], "y", "needs its own output"),
        ([node("y", "y", "image")], "y", "operator y needs its own output"),
        (
            [node("y", "image"), node("twin", "image", outputs=["y"])],
            "y",
            "two operators of the model make a tensor y",
        ),
        ([Operator("y", "Const", (), ("y",))], "y", "output y does not depend on image"),
    ],
)
def test_what_is_no_graph_of_this_input_and_output_is_refused(
    operators: list[Operator], output: str, message: str
) -> None:
    with pytest.raises(FarmError, match=message) as caught:
        made(*operators, output=output)
    assert caught.value.problem.code is Code.BAD_MODEL
