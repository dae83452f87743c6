"""Numbers beyond float16's range."""

from collections.abc import Iterator

import numpy as np

from harness.diagnose.lint.figures import Calibration, NodeFigures
from harness.diagnose.lint.graph import Graph, Node
from harness.diagnose.lint.half import LARGEST
from harness.diagnose.lint.hazard import Finding, Kind, Reduced

HEADROOM = 8
"""Values within this factor of the largest float16 number are worth a word: other images may have larger ones."""

_KEEP = "keep this part in fp32"


def overflowing(graph: Graph, calibration: Calibration, node: Node, figures: NodeFigures) -> Iterator[Finding]:
    """Yield what in an operator is too large, or nearly."""
    constants = [graph.constants[name] for name in node.inputs if name in graph.constants]
    largest = max((float(np.abs(each).max(initial=0)) for each in constants if each.dtype == np.float32), default=0.0)
    if largest > LARGEST and node.op not in ("Clip", "Min", "Max"):
        why = f"a constant of it is {largest:.3g}, and float16 ends at 65504"
        for precision in (Reduced.FP16, Reduced.FP16_WEIGHTS):
            yield Finding(Kind.OVERFLOW, precision, float("inf"), why, f"a smaller constant, or {_KEEP}")
    output = calibration.tensors[node.output]
    if output.overflowing > 0:
        why = f"{output.overflowing:.2%} of its values are beyond 65504, the largest is {output.largest:.3g}"
        yield Finding(Kind.OVERFLOW, Reduced.FP16, float("inf"), why, f"scale down before it, or {_KEEP}")
    elif figures.fresh == float("inf") and figures.sums is not None:
        why = f"its sums pass 65504 on the way to values of at most {output.largest:.3g}"
        yield Finding(Kind.OVERFLOW, Reduced.FP16, float("inf"), why, f"scale down before it, or {_KEEP}")
    elif output.largest * HEADROOM > LARGEST:
        why = f"its largest value is {output.largest:.3g}, within a factor of {LARGEST / output.largest:.1f} of 65504"
        remedy = "look at images with large values, or scale down before it"
        yield Finding(Kind.OVERFLOW, Reduced.FP16, figures.error, why, remedy, latent=True)
