"""Hazards of operators with made-up figures: which are told, as what, and in which order."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.diagnose.lint.figures import Calibration, NodeFigures, SumFigures, TensorFigures, WeightFigures
from harness.diagnose.lint.graph import Graph, Node
from harness.diagnose.lint.hazard import Hazard, Kind, Reduced
from harness.diagnose.lint.hazards import NOTEWORTHY, find
from harness.diagnose.lint.losses import losses
from tests.diagnose.lint.builders import floats

SANE = TensorFigures(largest=4.0, smallest=0.01, rms=1.0, zeros=0.0, vanishing=0.0, overflowing=0.0, nonfinite=0)
SUM = SumFigures(length=100, cancellation=5.0, one_signed=0.0)


def hazards(
    *nodes: Node,
    tensors: Mapping[str, TensorFigures] | None = None,
    figures: Mapping[str, NodeFigures] | None = None,
    constants: Mapping[str, Any] | None = None,
) -> tuple[Hazard, ...]:
    """Find the hazards of a chain of operators; what is not said is sane."""
    named = {name: floats(value) for name, value in (constants or {}).items()}
    graph = Graph(nodes, named, ("x",), (nodes[-1].output,), (("", 17),))
    quiet = {
        node.name: NodeFigures(1e-4, 1e-4, {name: 1.0 for name in node.inputs if name not in named}) for node in nodes
    }
    seen = dict.fromkeys(["x", *(node.output for node in nodes)], SANE)
    return find(graph, Calibration({**seen, **(tensors or {})}, {**quiet, **(figures or {})}, 1))


def op(kind: str, inputs: str, output: str, **attributes: Any) -> Node:
    return Node(f"/{output}", kind, tuple(inputs.split()), (output,), attributes)


def brief(found: tuple[Hazard, ...]) -> list[tuple[str, str, str]]:
    return [(hazard.node, hazard.kind.value, hazard.precision.value) for hazard in found]


GUARDED = (op("Relu", "x", "q"), op("Add", "q eps", "below"), op("Div", "x below", "out"))
BOTH = [("/out", "vanishing-constant", "fp16"), ("/out", "vanishing-constant", "fp16-weights")]


def test_a_constant_that_vanishes_beside_zeros_gives_no_number() -> None:
    found = hazards(*GUARDED, constants={"eps": 1e-15}, tensors={"q": replace(SANE, zeros=0.1)})
    assert brief(found) == BOTH
    assert found[0].predicted == math.inf
    assert "1e-15 in /below is 0 in float16" in found[0].why
    assert "0 in places" in found[0].why


def test_it_is_told_also_where_no_zero_was_seen() -> None:
    found = hazards(*GUARDED, constants={"eps": 1e-9})
    assert brief(found) == BOTH
    assert found[0].predicted == pytest.approx(1e-9 / 0.01, rel=1e-6)
    assert "never below 0.01" in found[0].why


def test_values_that_vanish_themselves_are_zeros() -> None:
    found = hazards(*GUARDED, constants={"eps": 1e-15}, tensors={"q": replace(SANE, vanishing=0.1)})
    assert found[0].predicted == math.inf


@pytest.mark.parametrize(("eps", "told"), [(1e-3, False), (6.2e-5, False), (1e-6, True), (1e-5, False)])
def test_constants_that_stay_are_no_hazard(eps: float, told: bool) -> None:
    """1e-6 is 9.5e-7 in float16, 5 % less; 1e-5 is off by 0.1 %, which is below what is worth a word."""
    found = hazards(*GUARDED, constants={"eps": eps}, tensors={"q": replace(SANE, zeros=0.1)})
    assert bool(found) is told
    if told:
        stored = float(np.float16(eps))
        assert found[0].predicted == pytest.approx(abs(stored - eps) / stored, rel=1e-3)


@pytest.mark.parametrize(
    "nodes",
    [
        (op("Max", "x eps", "m"), op("Reciprocal", "m", "out")),
        (op("Clip", "x eps", "m"), op("Sqrt", "m", "s"), op("Div", "x s", "out")),
        (op("Add", "eps x", "m"), op("Transpose", "m", "t"), op("Log", "t", "out")),
    ],
)
def test_guards_of_other_kinds(nodes: tuple[Node, ...]) -> None:
    found = hazards(*nodes, constants={"eps": 1e-12}, tensors={"x": replace(SANE, zeros=0.5)})
    assert brief(found) == BOTH


def test_constants_that_guard_nothing_are_no_hazard() -> None:
    assert hazards(op("Add", "x eps", "y"), op("Relu", "y", "out"), constants={"eps": 1e-15}) == ()


def test_dividing_by_a_constant_is_no_hazard() -> None:
    assert hazards(op("Div", "x c", "out"), constants={"c": 1e-3}) == ()


def test_a_denominator_that_vanishes_by_itself() -> None:
    tiny = replace(SANE, smallest=1e-9, vanishing=0.2)
    found = hazards(op("Relu", "x", "q"), op("Div", "x q", "out"), tensors={"q": tiny})
    assert brief(found) == [("/out", "underflow", "fp16")]
    assert found[0].predicted == math.inf


def test_values_beyond_the_range() -> None:
    large = replace(SANE, largest=1e5, overflowing=0.25)
    found = hazards(op("Mul", "x x", "y"), op("Relu", "y", "out"), tensors={"y": large})
    assert brief(found) == [("/y", "overflow", "fp16")]
    assert "25.00% of its values" in found[0].why


def test_values_near_the_range_are_told_though_nothing_is_lost() -> None:
    found = hazards(op("Relu", "x", "out"), tensors={"out": replace(SANE, largest=20000.0)})
    assert brief(found) == [("/out", "overflow", "fp16")]
    assert found[0].predicted == 1e-4
    assert "within a factor of 3.3" in found[0].why
    assert hazards(op("Relu", "x", "out"), tensors={"out": replace(SANE, largest=8000.0)}) == ()


def test_a_sum_that_overflows_on_its_way() -> None:
    found = hazards(op("MatMul", "x x", "out"), figures={"/out": NodeFigures(math.inf, math.inf, {"x": 1.0}, SUM)})
    assert brief(found) == [("/out", "overflow", "fp16")]
    assert "on the way" in found[0].why


def test_constants_beyond_the_range_are_lost_when_stored() -> None:
    found = hazards(op("Div", "x c", "out"), constants={"c": 90000})
    assert brief(found) == [("/out", "overflow", "fp16"), ("/out", "overflow", "fp16-weights")]
    assert hazards(op("Clip", "x low high", "out"), constants={"low": -1e30, "high": 1e30}) == ()


def test_moving_what_is_too_large_is_not_told_again() -> None:
    large = replace(SANE, largest=1e5, overflowing=0.25)
    assert hazards(op("Reshape", "x s", "out"), tensors={"out": large}) == ()


@pytest.mark.parametrize(
    ("kind", "sums", "told"),
    [
        ("Conv", SUM, Kind.LONG_ACCUMULATION),
        ("Conv", replace(SUM, cancellation=31.0), Kind.CANCELLATION),
        ("Conv", replace(SUM, cancellation=29.0), Kind.LONG_ACCUMULATION),
        ("MatMul", replace(SUM, one_signed=1.0, cancellation=1.0), Kind.LONG_ACCUMULATION),
        ("Conv", replace(SUM, winograd=4, cancellation=500.0), Kind.WINOGRAD),
        ("GlobalAveragePool", SUM, Kind.POOLING),
        ("AveragePool", SUM, Kind.POOLING),
    ],
)
def test_what_is_said_of_a_sum(kind: str, sums: SumFigures, told: Kind) -> None:
    found = hazards(op(kind, "x", "out"), figures={"/out": NodeFigures(0.01, 0.01, {"x": 1.0}, sums)})
    assert [hazard.kind for hazard in found] == [told]
    assert found[0].predicted == 0.01


def test_estimates_and_rounding_are_told_apart() -> None:
    sigmoid, other = op("Sigmoid", "x", "y"), op("LayerNormalization", "y", "out")
    quiet = NodeFigures(1.2e-3, 1.2e-3, {"x": 1.0})
    amplifying = NodeFigures(0.05, 1e-4, {"y": 250.0})
    found = [next(iter(losses(node, figures))).kind for node, figures in ((sigmoid, quiet), (other, amplifying))]
    assert found == [Kind.ESTIMATE, Kind.ROUNDING]
    told = hazards(sigmoid, other, figures={"/y": quiet, "/out": amplifying})
    assert brief(told) == [("/out", "rounding", "fp16")]
    assert "250-fold" in told[0].why


def test_weights_are_told_from_a_size_on_that_good_ones_do_not_reach() -> None:
    bad = {8: WeightFigures(0.004, 0.5, 1000.0, 3), 4: WeightFigures(0.1, 0.12, 1000.0, 3)}
    found = hazards(op("Conv", "x", "out"), figures={"/out": NodeFigures(1e-4, 1e-4, {"x": 1.0}, SUM, bad)})
    assert brief(found) == [("/out", "weight-range", "w8")]
    assert "in channel 3 the largest weight is 1000 times the median" in found[0].why
    assert NOTEWORTHY[Reduced.W8] > 2 * 0.0068
    assert NOTEWORTHY[Reduced.W4] > 2 * 0.12


def test_channels_that_are_not_stored_are_told() -> None:
    lost = {8: WeightFigures(0.5, 0.5, 3.0, 0, lost=0.4)}
    found = hazards(op("Conv", "x", "out"), figures={"/out": NodeFigures(1e-4, 1e-4, {"x": 1.0}, SUM, lost)})
    assert "40% of the channels" in found[0].why
    assert "float" in found[0].remedy


def test_ranked_by_what_is_left_behind_them() -> None:
    """The sum in a residual branch is worse, and is diluted; equal ones keep the graph's order."""
    nodes = (op("Conv", "x", "a"), op("Add", "x a", "b"), op("Conv", "b", "c"), op("Conv", "c", "out"))
    figures = {
        "/a": NodeFigures(0.5, 0.5, {"x": 1.0}, SUM),
        "/b": NodeFigures(1e-4, 1e-4, {"x": 1.0, "a": 0.01}),
        "/c": NodeFigures(0.02, 0.02, {"b": 1.0}, SUM),
        "/out": NodeFigures(0.02, 0.02, {"c": 1.0}, SUM),
    }
    found = hazards(*nodes, figures=figures)
    assert [hazard.node for hazard in found] == ["/c", "/out", "/a"]
    assert [hazard.carried for hazard in found] == [0.02, 0.02, pytest.approx(0.005)]
    assert found[2].predicted == 0.5


def test_a_quiet_model_has_none() -> None:
    assert hazards(op("Relu", "x", "y"), op("Conv", "y", "out")) == ()
