"""Cuts by one tensor, against brute force: with the tensor gone, the output cannot be reached."""

from hypothesis import given

from harness.diagnose.cuts import boundaries, cuts
from harness.diagnose.graph import Graph, Operator, Tensor, build
from tests.diagnose.graphs import node, random_graphs, reachable, row

IMAGE = Operator("image", "Input", (), ("image",))


@given(random_graphs())
def test_single_tensors_are_those_without_which_the_output_is_out_of_reach(graph: Graph) -> None:
    inner = {tensor for operator in graph.path for tensor in operator.outputs} - {"in", "out"}
    wanted = {tensor for tensor in inner if "out" not in reachable(graph.operators, "in", removed=tensor)}
    assert {cut.tensors[0] for cut in cuts(graph)} == wanted


@given(random_graphs())
def test_what_crosses_is_made_before_and_needed_behind(graph: Graph) -> None:
    for cut in boundaries(graph):
        before, behind = graph.path[: cut.position], graph.path[cut.position :]
        made = [tensor for operator in before for tensor in operator.outputs]
        needed = {tensor for operator in behind for tensor in operator.inputs}
        assert list(cut.tensors) == [tensor for tensor in made if tensor in needed]
        assert cut.tensors


@given(random_graphs())
def test_there_is_a_boundary_before_every_operator_but_the_first(graph: Graph) -> None:
    assert [cut.position for cut in boundaries(graph)] == list(range(2, len(graph.path)))
    counts = [len(cuts(graph, most_tensors=most)) for most in range(1, 8)]
    assert counts == sorted(counts)


def test_a_row_can_be_cut_everywhere() -> None:
    graph = row(("a", 1), ("b", 1), ("c", 1))
    assert [(cut.position, cut.tensors) for cut in cuts(graph)] == [(2, ("a",)), (3, ("b",))]


def test_a_residual_block_is_crossed_by_two() -> None:
    graph = build(
        [IMAGE, node("x", "image"), node("h", "x"), node("y", "h", "x"), node("z", "y")],
        input_name="image", output_name="z",
    )  # fmt: skip
    assert [cut.tensors for cut in cuts(graph)] == [("x",), ("y",)]
    assert [cut.tensors for cut in cuts(graph, most_tensors=2)] == [("x",), ("x", "h"), ("y",)]


def test_an_operator_that_reads_an_earlier_shape_makes_that_tensor_cross() -> None:
    """z needs only the shape of x, but whoever runs the rest by itself must be fed x for it."""
    shape = Operator("shape", "Shape", ("x",), ("shape",))
    graph = build(
        [IMAGE, node("x", "image"), node("y", "x"), shape, node("z", "y", "shape"), node("out", "z")],
        input_name="image", output_name="out",
    )  # fmt: skip
    assert [cut.tensors for cut in cuts(graph)] == [("x",), ("z",)]


def test_a_dead_end_is_no_way_around() -> None:
    graph = build(
        [IMAGE, node("x", "image"), node("y", "x"), node("z", "y"), node("aux", "x", "z")],
        input_name="image", output_name="z",
    )  # fmt: skip
    assert [cut.tensors for cut in cuts(graph)] == [("x",), ("y",)]


def test_two_outputs_of_one_operator_cross_together() -> None:
    graph = build(
        [IMAGE, node("halves", "image", outputs=["h0", "h1"]), node("z", "h0", "h1"), node("out", "z")],
        input_name="image", output_name="out",
    )  # fmt: skip
    assert [cut.tensors for cut in cuts(graph)] == [("z",)]


def test_shapes_are_not_cut_points() -> None:
    operators = [IMAGE, node("x", "image"), node("size", "x"), node("y", "x", "size"), node("out", "y")]
    known = [Tensor("x", (1, 3)), Tensor("size", (2,), dtype="int"), Tensor("y", (1, 3))]
    graph = build(operators, input_name="image", output_name="out", tensors=known)
    assert [cut.tensors for cut in boundaries(graph)] == [("x",), ("x", "size"), ("y",)]
    assert [cut.tensors for cut in cuts(graph, most_tensors=2)] == [("x",), ("y",)]
