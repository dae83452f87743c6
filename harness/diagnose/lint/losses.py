"""What is lost in sums, by estimates and by rounding, and by storing weights in few bits."""

import math
from collections.abc import Iterator

from harness.diagnose.lint.figures import NodeFigures, SumFigures, WeightFigures
from harness.diagnose.lint.graph import Node
from harness.diagnose.lint.hazard import Finding, Kind, Reduced
from harness.diagnose.lint.replay import INSIDE

_POOLS = frozenset({"AveragePool", "GlobalAveragePool"})
_FEW = {8: Reduced.W8, 4: Reduced.W4}
_MIXED = "keep this block in fp32 (mixed precision)"


def losses(node: Node, figures: NodeFigures) -> Iterator[Finding]:
    """Yield what an operator loses, however little; nothing where a loss is infinite, which has causes of its own."""
    if 0 < figures.error < math.inf:
        yield _in_float16(node, figures)
    for bits, stored in figures.few_bits.items():
        yield Finding(Kind.WEIGHT_RANGE, _FEW[bits], stored.output, *_in_few_bits(bits, stored))


def _in_few_bits(bits: int, stored: WeightFigures) -> tuple[str, str]:
    why = f"in {bits} bits the weights are off by {stored.weights:.1%}, the output by {stored.output:.1%}; "
    if stored.lost:
        why += (
            f"{stored.lost:.0%} of the channels have weights so small that MNN stores none of them (steps below 1e-6)"
        )
        return why, "keep this layer's weights in float"
    why += f"in channel {stored.channel} the largest weight is {stored.spread:.0f} times the median"
    return why, "block-wise weights (block: 32), or keep this layer's weights in float"


def _in_float16(node: Node, figures: NodeFigures) -> Finding:
    if figures.sums is not None:
        kind, why, remedy = _sum(node, figures.sums)
    elif node.op in INSIDE and figures.error <= INSIDE[node.op]:
        kind, why, remedy = Kind.ESTIMATE, "MNN's float16 kernel only estimates it", _MIXED
    else:
        gain = max(figures.gains.values(), default=1.0)
        why = f"its inputs and its output are rounded; what is wrong with an input grows {gain:.3g}-fold"
        kind, remedy = Kind.ROUNDING, _MIXED
    return Finding(kind, Reduced.FP16, figures.error, why, remedy)


def _sum(node: Node, sums: SumFigures) -> tuple[Kind, str, str]:
    cancels = f"{sums.cancellation:.3g} times as much goes in as comes out"
    if sums.winograd:
        why = f"Winograd tiles of {sums.winograd} x {sums.winograd} outputs over {sums.length} channels; {cancels}"
        return Kind.WINOGRAD, why, "direct convolution (hint winograd: 1)"
    if node.op in _POOLS:
        return Kind.POOLING, f"a running sum over {sums.length} positions", "ReduceMean, which MNN runs in fp32"
    # Of K products with random signs a share of about 1 / sqrt(K) is left.
    if sums.cancellation > 3 * math.sqrt(sums.length):
        return Kind.CANCELLATION, f"a sum of {sums.length} products that cancel: {cancels}", _MIXED
    if sums.one_signed > 0.5:
        why = f"a sum of {sums.length} products of one sign: small ones are lost in it"
        return Kind.LONG_ACCUMULATION, why, f"several shorter sums, or {_MIXED}"
    return Kind.LONG_ACCUMULATION, f"a sum of {sums.length} products; {cancels}", _MIXED
