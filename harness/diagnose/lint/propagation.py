"""Where an error goes: carried along the graph, grown and diluted on the way.

First-order error propagation. Every operator has gains (`NodeFigures.gains`); errors of different origin are taken as
independent, so that their squares add up. An error in the branch of a residual block is diluted by what it is added
to, and the input of a sum in which nearly all cancels need only be rounded to be spoiled.
"""

import math
from collections.abc import Collection, Mapping

from harness.diagnose.lint.figures import Calibration, NodeFigures
from harness.diagnose.lint.graph import Graph
from harness.diagnose.lint.half import UNIT_ROUNDOFF
from harness.diagnose.lint.hazard import Reduced

ROUNDING = UNIT_ROUNDOFF * math.sqrt(2 * math.log(2) / 9)
"""Relative L2 error of rounding to float16, 1.9e-4, if the logarithms of the numbers are evenly spread: the error is
even within a step of 2^-10, and the square of the significand, 1 to 2, is 3 / (2 ln 2) on the average."""


def reach(
    graph: Graph, calibration: Calibration, target: str, *, within: Collection[str] | None = None
) -> dict[str, float]:
    """Return the relative change of a tensor, per relative change of every tensor that it depends on.

    Args:
        graph: the graph.
        calibration: its figures.
        target: the tensor's name.
        within: names of the operators that are followed backwards; all of them where it is None.
    """
    squares = {target: 1.0}
    for node in reversed(graph.nodes):
        figures = calibration.nodes.get(node.name)
        after = sum(squares.get(name, 0.0) for name in node.outputs)
        if figures is None or after == 0 or (within is not None and node.name not in within):
            continue
        for name, gain in figures.gains.items():
            squares[name] = squares.get(name, 0.0) + gain**2 * after
    return {name: math.sqrt(square) for name, square in squares.items()}


def own_error(figures: NodeFigures, precision: Reduced) -> float:
    """Return what an operator itself adds to the error."""
    if precision is Reduced.FP16:
        return figures.fresh
    stored = figures.few_bits.get({Reduced.W8: 8, Reduced.W4: 4}.get(precision, 0))
    return 0.0 if stored is None else stored.output


def block_error(
    graph: Graph, calibration: Calibration, block: Collection[str], precision: Reduced = Reduced.FP16
) -> float:
    """Return the predicted relative L2 error of a block run by itself, with inputs as fp32 has them.

    Args:
        graph: the graph.
        calibration: its figures.
        block: names of its operators. Of several outputs the one with the largest error counts.
        precision: FP16, W8 or W4.
    """
    inside = [node for node in graph.nodes if node.name in block and node.name in calibration.nodes]
    made = {name for node in inside for name in node.outputs}
    used_outside = {name for name in made if any(user.name not in block for user in graph.users.get(name, ()))}
    targets = sorted((used_outside | (set(graph.outputs) & made)) & set(calibration.tensors))
    errors = []
    for target in targets:
        gains = reach(graph, calibration, target, within={node.name for node in inside})
        own = [
            times(own_error(calibration.nodes[node.name], precision), gains.get(node.output, 0.0)) for node in inside
        ]
        given = [ROUNDING * gain for name, gain in gains.items() if name not in made]
        errors.append(math.hypot(*own, *(given if precision is Reduced.FP16 else ())))
    return max(errors, default=0.0)


def times(error: float, gain: float) -> float:
    """Return an error as it is carried; an infinite one that is carried nowhere is none."""
    return error * gain if gain else 0.0


def cuts(graph: Graph, calibration: Calibration) -> list[str]:
    """Return the tensors through which everything passes, in the graph's order: the model's output is the last."""
    last: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        for name in node.inputs:
            last[name] = index
    last.update({name: len(graph.nodes) for name in graph.outputs})
    found: list[str] = []
    alive = {name for name in graph.inputs if name in calibration.tensors}
    for index, node in enumerate(graph.nodes):
        alive |= {name for name in node.outputs if name in calibration.tensors}
        alive = {name for name in alive if last.get(name, -1) > index}
        if len(alive) == 1 and alive != set(found[-1:]):
            found += alive
    return found


def carried(graph: Graph, calibration: Calibration) -> Mapping[str, float]:
    """Return, for every operator by name, the gain from its output to the next tensor through which all passes."""
    gains: dict[str, float] = {}
    order = {name: index for index, node in enumerate(graph.nodes) for name in node.outputs}
    start = 0
    for target in cuts(graph, calibration):
        stop = order.get(target, -1) + 1
        part = graph.nodes[start:stop]
        reached = reach(graph, calibration, target, within={node.name for node in part})
        gains.update({node.name: max(reached.get(name, 0.0) for name in node.outputs) for node in part})
        start = max(start, stop)
    return gains
