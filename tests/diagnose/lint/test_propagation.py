"""Errors carried along graphs whose gains are made up, so that all can be worked out by hand."""

import math

import pytest

from harness.diagnose.blocks import Block
from harness.diagnose.lint.blocks import foretell, nodes_between
from harness.diagnose.lint.figures import Calibration, NodeFigures, TensorFigures, WeightFigures
from harness.diagnose.lint.graph import Graph, Node
from harness.diagnose.lint.hazard import Reduced
from harness.diagnose.lint.propagation import ROUNDING, block_error, carried, cuts, reach, times

ANY = TensorFigures(1, 1, 1, 0, 0, 0, 0)


def graph(*edges: tuple[str, str]) -> Graph:
    """Operators by what they read and make: ("x y", "z") makes z of x and y. The last makes the output."""
    nodes = tuple(Node(f"/{made}", "Any", tuple(read.split()), (made,), {}) for read, made in edges)
    return Graph(nodes, {}, ("x",), (edges[-1][1],), (("", 17),))


def calibration(found: Graph, fresh: dict[str, float], gains: dict[tuple[str, str], float]) -> Calibration:
    """Errors by the tensor made, and gains by (read, made) where they are not 1; shapes are no float tensors."""
    floats = [node for node in found.nodes if not node.output.startswith("shape")]
    nodes = {
        node.name: NodeFigures(
            error=2 * fresh.get(node.output, 0.0),
            fresh=fresh.get(node.output, 0.0),
            gains={name: gains.get((name, node.output), 1.0) for name in node.inputs if not name.startswith("shape")},
            few_bits={8: WeightFigures(0, 10 * fresh.get(node.output, 0.0), 1, 0)},
        )
        for node in floats
    }
    return Calibration(dict.fromkeys(["x", *(node.output for node in floats)], ANY), nodes, 1)


RESIDUAL = graph(("x", "a"), ("a", "b"), ("b", "c"), ("a c", "d"), ("d", "e"))
"""x - a - b - c - d = a + c - e."""
GAINS = {("a", "b"): 2.0, ("b", "c"): 5.0, ("a", "d"): 0.8, ("c", "d"): 0.1, ("d", "e"): 3.0}


def test_gains_multiply_along_a_way_and_add_in_squares() -> None:
    found = reach(RESIDUAL, calibration(RESIDUAL, {}, GAINS), "d")
    assert found["c"] == pytest.approx(0.1)
    assert found["b"] == pytest.approx(0.5)
    assert found["a"] == pytest.approx(math.hypot(0.8, 2 * 5 * 0.1))
    assert found["x"] == found["a"]
    assert "e" not in found


def test_only_some_operators_are_followed() -> None:
    found = reach(RESIDUAL, calibration(RESIDUAL, {}, GAINS), "d", within={"/c", "/d"})
    assert set(found) == {"d", "a", "c", "b"}


def test_a_block_by_itself() -> None:
    known = calibration(RESIDUAL, {"b": 0.01, "c": 0.02, "d": 0.001, "e": 9.0}, GAINS)
    given = ROUNDING * math.hypot(0.8, 1.0)
    by_hand = math.hypot(0.01 * 0.5, 0.02 * 0.1, 0.001, given)
    assert block_error(RESIDUAL, known, {"/b", "/c", "/d"}) == pytest.approx(by_hand)


def test_with_weights_in_few_bits_nothing_is_rounded_but_they() -> None:
    known = calibration(RESIDUAL, {"b": 0.01, "c": 0.02}, GAINS)
    found = block_error(RESIDUAL, known, {"/b", "/c", "/d"}, Reduced.W8)
    assert found == pytest.approx(math.hypot(0.1 * 0.5, 0.2 * 0.1))
    assert block_error(RESIDUAL, known, {"/b", "/c", "/d"}, Reduced.W4) == 0.0


def test_of_several_outputs_the_worst_counts() -> None:
    fork = graph(("x", "a"), ("x", "b"), ("a b", "c"))
    known = calibration(fork, {"a": 0.3, "b": 0.1}, {})
    assert block_error(fork, known, {"/a", "/b"}) == pytest.approx(math.hypot(0.3, ROUNDING))


def test_an_infinite_error_stays_so_unless_it_goes_nowhere() -> None:
    known = calibration(RESIDUAL, {"b": math.inf}, GAINS)
    assert block_error(RESIDUAL, known, {"/b", "/c", "/d"}) == math.inf
    assert block_error(RESIDUAL, known, {"/c", "/d"}) < 1
    dead = calibration(RESIDUAL, {"b": math.inf}, {**GAINS, ("b", "c"): 0.0})
    assert block_error(RESIDUAL, dead, {"/b", "/c", "/d"}) < 1
    assert times(math.inf, 0.0) == 0.0


def test_an_empty_block() -> None:
    assert block_error(RESIDUAL, calibration(RESIDUAL, {}, {}), set()) == 0.0


def test_where_everything_passes() -> None:
    assert cuts(RESIDUAL, calibration(RESIDUAL, {}, {})) == ["a", "d", "e"]


def test_shapes_are_no_way_around() -> None:
    shaped = graph(("x", "a"), ("x", "shape"), ("a", "b"), ("b shape", "c"))
    assert cuts(shaped, calibration(shaped, {}, {})) == ["a", "b", "c"]


def test_what_nobody_reads_is_no_cut() -> None:
    dead = graph(("x", "a"), ("a", "unused"), ("a", "b"))
    assert cuts(dead, calibration(dead, {}, {})) == ["a", "b"]


def test_errors_are_carried_to_the_next_cut_only() -> None:
    found = carried(RESIDUAL, calibration(RESIDUAL, {}, GAINS))
    assert found == {"/a": 1.0, "/b": pytest.approx(0.5), "/c": pytest.approx(0.1), "/d": 1.0, "/e": 1.0}


def test_operators_between_tensors() -> None:
    assert nodes_between(RESIDUAL, ["a"], ["d"]) == {"/b", "/c", "/d"}
    assert nodes_between(RESIDUAL, ["x"], ["e"]) == {"/a", "/b", "/c", "/d", "/e"}
    assert nodes_between(RESIDUAL, ["d"], ["d"]) == set()


def test_blocks_are_foretold_by_name() -> None:
    known = calibration(RESIDUAL, {"c": 0.5}, GAINS)
    middle = Block("middle", 1, 4, ("b", "c", "d"), ("a",), ("d",), 1.0, 0.5)
    strange = Block("strange", 4, 5, ("e",), ("d",), ("made by the converter",), 1.0, 0.5)
    assert foretell(RESIDUAL, known, [middle, strange]) == {
        "middle": block_error(RESIDUAL, known, {"/b", "/c", "/d"})
    }
