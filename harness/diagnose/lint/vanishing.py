"""Denominators that are 0 in float16: what guards them vanishes, or they are too small themselves."""

from collections.abc import Iterator

import numpy as np

from harness.diagnose.lint.calibration import MOVING
from harness.diagnose.lint.figures import Calibration
from harness.diagnose.lint.graph import Array, Graph, Node
from harness.diagnose.lint.half import SMALLEST_NORMAL, half
from harness.diagnose.lint.hazard import Finding, Kind, Reduced

_GUARDS = frozenset({"Add", "Clip", "Max"})
_PASSING = MOVING | {"ReduceSum", "Sqrt"}
"""Operators whose output is 0 where their input is."""


def vanishing(graph: Graph, calibration: Calibration, node: Node) -> Iterator[Finding]:
    """Yield what is wrong with what an operator divides by."""
    below = _denominator(node)
    if below is None or below in graph.constants:
        return
    guarded = False
    for guard, constant, other in _guards(graph, below):
        smallest = float(np.abs(constant[constant != 0]).min())
        if smallest >= SMALLEST_NORMAL:
            continue
        guarded = True
        yield from _lost(calibration, guard, smallest, other)
    figures = calibration.tensors.get(below)
    if not guarded and figures is not None and figures.vanishing > 0:
        why = f"it divides by {below}, which is as small as {figures.smallest:.0e}: 0 in float16"
        remedy = "scale numerator and denominator up before they are computed, or keep this part in fp32"
        yield Finding(Kind.UNDERFLOW, Reduced.FP16, float("inf"), why, remedy)


_STORED = (Reduced.FP16, Reduced.FP16_WEIGHTS)
_REMEDY = f"a constant of at least {SMALLEST_NORMAL:.1e}"


def _denominator(node: Node) -> str | None:
    if node.op == "Div":
        return node.inputs[1]
    return node.inputs[0] if node.op in ("Reciprocal", "Log") else None


def _guards(graph: Graph, name: str) -> Iterator[tuple[Node, Array, str]]:
    """Yield operators behind a tensor that keep it from 0, with their constant and what they guard."""
    makers = {output: node for node in graph.nodes for output in node.outputs}
    node = makers.get(name)
    while node is not None and node.op in _PASSING:
        node = makers.get(node.inputs[0])
    if node is None or node.op not in _GUARDS:
        return
    guarded = [given for given in node.inputs if given and given not in graph.constants]
    for given in node.inputs:
        constant = graph.constants.get(given)
        if constant is not None and constant.dtype == np.float32 and (constant > 0).any() and guarded:
            yield node, constant, guarded[0]


def _lost(calibration: Calibration, guard: Node, constant: float, other: str) -> Iterator[Finding]:
    stored = float(half(np.array(constant, np.float32)))
    figures = calibration.tensors.get(other)
    reaches_zero = figures is None or figures.zeros + figures.vanishing > 0
    beside = 0.0 if figures is None or reaches_zero else figures.smallest
    predicted = abs(stored - constant) / (stored + beside) if stored + beside else float("inf")
    words = f"{constant:.2g} in {guard.name} is {stored:.3g} in float16, and what it guards "
    words += "is 0 in places" if reaches_zero else f"was never below {beside:.2g} in these images"
    for precision in _STORED:
        yield Finding(Kind.VANISHING_CONSTANT, precision, predicted, words, _REMEDY, latent=stored == 0)
