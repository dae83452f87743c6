"""What in an operator costs accuracy, by what a device measured of it. Pure.

The figures are those of `harness.captured.OperatorError`: `made` (its error, given fp32 inputs), `rounding` (what the
rounding of its inputs to float16 costs in fp32 arithmetic) and `amplification` (that against the rounding itself).
"""

import math

from harness.captured import OperatorError
from harness.diagnose.anatomy import Anatomy
from harness.diagnosis import Mechanism
from harness.precision import Precision

LARGEST_HALF = 65504.0
CANCELLING = 4.0
"""From this amplification on, large terms cancel: an error of the inputs comes out so many times larger."""
KERNEL = 2.0
"""An error that is so many times what rounding the inputs costs is made by the kernel's arithmetic."""
LONG = 32
"""From so many terms on a sum counts as long."""
FLUSHED = 0.01


def mechanism(operator: OperatorError, inside: Anatomy, asked: Precision) -> tuple[Mechanism, str]:
    """Return what it is that goes wrong in an operator, and the measurement that says so as a clause.

    In float16, in this order: what is not finite (a range that float16 has not, or a denominator that vanished);
    weights that are rounded in the file; what becomes 0; then whether rounding the inputs explains the error, by
    cancellation or as it is, or else the kernel's arithmetic: pooling, cancellation of what it rounds itself, or a
    long sum. Where the arithmetic is not float16 there are the weights and, of int8 operators, the range of values.
    """
    return _in_half(operator, inside, asked) if asked.is_reduced else _in_full(operator, inside, asked)


def _in_half(operator: OperatorError, inside: Anatomy, asked: Precision) -> tuple[Mechanism, str]:
    if operator.made is None or math.isinf(operator.made):
        return _not_finite(operator, inside)
    if inside.divides and operator.tiny > 0:
        return (
            Mechanism.VANISHING,
            f"{_percent(operator.tiny)} of its values lie below float16's smallest normal number",
        )
    if asked.weights.is_quantised and inside.terms and not inside.pooling:
        return _of_weights(operator, asked)
    if operator.flushed > FLUSHED:
        return Mechanism.FLUSHED, f"{_percent(operator.flushed)} of its values became 0"
    rounding = operator.rounding or 0.0
    if operator.made < KERNEL * rounding:
        return _of_rounding(operator)
    return _of_kernel(operator, inside)


def _not_finite(operator: OperatorError, inside: Anatomy) -> tuple[Mechanism, str]:
    if operator.largest >= LARGEST_HALF or operator.near_overflow > 0:
        return Mechanism.OVERFLOW, f"values up to {operator.largest:.3g}, and float16 ends at 65504"
    if inside.divides:
        return Mechanism.VANISHING, "it divides by what becomes 0 in float16"
    return Mechanism.OVERFLOW, "a value on the way to its results is beyond what float16 holds"


def _in_full(operator: OperatorError, inside: Anatomy, asked: Precision) -> tuple[Mechanism, str]:
    if operator.made is None or math.isinf(operator.made):
        return Mechanism.OVERFLOW, "its results are not finite"
    if (asked.weights.is_quantised or asked.weights.half) and inside.terms and not inside.pooling:
        return _of_weights(operator, asked)
    if asked.weights.calibrated:
        return (
            Mechanism.RANGE,
            f"values in int8, with one scale for all of them, change its results by {operator.made:.2g}",
        )
    return Mechanism.ROUNDING, f"it answers otherwise than in fp32 by {operator.made:.2g}"


def _of_weights(operator: OperatorError, asked: Precision) -> tuple[Mechanism, str]:
    bits = "int8 calibrated" if asked.weights.calibrated else f"{asked.weights.bits or 16} bits"
    made = f"weights in {bits} change its results by {operator.made:.2g}"
    return (Mechanism.RANGE if asked.weights.calibrated else Mechanism.WEIGHTS), made


def _of_rounding(operator: OperatorError) -> tuple[Mechanism, str]:
    factor = operator.amplification or 0.0
    if factor >= CANCELLING:
        words = f"its large terms cancel: rounding its inputs to float16 alone comes out {factor:.3g} times larger"
        return Mechanism.CANCELLATION, words
    return Mechanism.ROUNDING, "rounding its inputs to float16 explains it"


def _of_kernel(operator: OperatorError, inside: Anatomy) -> tuple[Mechanism, str]:
    made, rounding = operator.made or 0.0, operator.rounding
    times = f"{made / rounding:.2g} times what rounding its inputs costs" if rounding else ""
    if inside.pooling:
        return Mechanism.POOLING, _joined(f"it averages {inside.terms} positions in float16", times)
    factor = operator.amplification or 0.0
    if factor >= CANCELLING:
        words = f"its large terms cancel, so errors come out {factor:.3g} times larger"
        more = f" and it adds up {inside.terms} terms in float16" if inside.terms >= LONG else ""
        return Mechanism.CANCELLATION, _joined(f"{words}{more}", times)
    if inside.terms >= LONG:
        how = ", by Winograd's algorithm" if inside.winograd else ""
        return Mechanism.ACCUMULATION, _joined(f"it adds up {inside.terms} terms in float16{how}", times)
    return Mechanism.ROUNDING, _joined("its own arithmetic is float16", times)


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
