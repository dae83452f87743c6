"""The hazards of a model, from its graph and the figures of the calibration pass."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from harness.diagnose.lint.calibration import MOVING
from harness.diagnose.lint.figures import Calibration
from harness.diagnose.lint.graph import Graph, Node
from harness.diagnose.lint.half import UNIT_ROUNDOFF
from harness.diagnose.lint.hazard import Finding, Hazard, Reduced
from harness.diagnose.lint.losses import losses
from harness.diagnose.lint.propagation import carried, times
from harness.diagnose.lint.ranges import overflowing
from harness.diagnose.lint.vanishing import vanishing

NOTEWORTHY: Final[Mapping[Reduced, float]] = MappingProxyType(
    {
        Reduced.FP16: 4 * UNIT_ROUNDOFF,
        Reduced.FP16_WEIGHTS: 4 * UNIT_ROUNDOFF,
        Reduced.W8: 0.02,
        Reduced.W4: 0.35,
    }
)
"""Sizes at the operator from which on a hazard is worth a word.

Rounding what goes into an operator and what comes out costs about u. Normally distributed weights, of which the
largest are 3 standard deviations away, lose 6 / 255 / sqrt(12) = 0.007 in 8 bits and 0.12 in 4; the limit is three
times that.
"""


def find(graph: Graph, calibration: Calibration) -> tuple[Hazard, ...]:
    """Return all hazards worth a word, those that carry farthest first; equal ones in the graph's order."""
    gains = carried(graph, calibration)
    hazards = [
        _hazard(node, finding, gains.get(node.name, 1.0))
        for node in graph.nodes
        for finding in _findings(graph, calibration, node)
        if finding.latent or finding.predicted >= NOTEWORTHY[finding.precision]
    ]
    return tuple(sorted(hazards, key=lambda hazard: -hazard.carried))


def _findings(graph: Graph, calibration: Calibration, node: Node) -> Iterator[Finding]:
    figures = calibration.nodes.get(node.name)
    if figures is None or node.op in MOVING:
        return
    yield from vanishing(graph, calibration, node)
    yield from overflowing(graph, calibration, node, figures)
    yield from losses(node, figures)


def _hazard(node: Node, finding: Finding, gain: float) -> Hazard:
    return Hazard(
        node=node.name,
        op=node.op,
        kind=finding.kind,
        predicted=finding.predicted,
        carried=times(finding.predicted, gain),
        why=finding.why,
        remedy=finding.remedy,
        precision=finding.precision,
    )
