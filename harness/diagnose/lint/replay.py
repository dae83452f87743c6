"""One call of an operator in float16: what would come out?"""

from dataclasses import dataclass

import numpy as np

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.graph import Array
from harness.diagnose.lint.half import Squares, accumulate, half, squares
from harness.diagnose.lint.one_node import OneNode
from harness.diagnose.lint.operands import Operands, exact

INSIDE = {"HardSwish": 4.7e-4, "Reciprocal": 1.2e-3, "Sigmoid": 1.2e-3}
"""Relative error that MNN's float16 kernels of some operators make by themselves: they round several times, or only
estimate. Measured on ARMv8.2 (emulated Cortex-A76)."""

_STEP = 1e-3
"""Relative size of the random change by which a gain is estimated; far above fp32's own rounding."""
_ENOUGH = 4096
"""Numbers that are changed for one estimate, at least, by at most `_MOST` changes."""
_MOST = 16


@dataclass(frozen=True, slots=True)
class Replay:
    """Squares of the error with inputs as fp32 has them, and with inputs that are float16 already."""

    error: Squares
    fresh: Squares


def replay_sum(operands: Operands) -> Replay:
    """Replay a sum of products that is accumulated in float16."""
    a, b, bias = half(operands.a), half(operands.b), half(operands.bias)
    first = bias if operands.bias_first else np.zeros_like(bias)
    with np.errstate(over="ignore", invalid="ignore"):
        found = half(accumulate(a, b, first) + (bias - first))
    given = operands.b if operands.weighted else b
    return Replay(
        squares(found, exact(operands.a, operands.b, operands.bias)),
        squares(found, exact(a, given, operands.bias)),
    )


def replay_whole(call: Call, alone: OneNode) -> Replay:
    """Replay an operator that is computed widely inside: inputs, constants and output are rounded."""
    rounded = {name: _rounded(call.values[name]) for name in alone.names}
    constants = {name: call.values[name] for name in alone.names if name in call.graph.constants}
    found = half(alone(rounded))
    error, fresh = squares(found, call.output), squares(found, alone({**rounded, **constants}))
    # What is no number only because its inputs are rounded, as 0 / 0, is made here: the inputs are numbers.
    return Replay(error, error if np.isinf(error[0]) else fresh)


def replay_stored(call: Call) -> Replay:
    """Replay no more than the rounding of what comes out."""
    stored = squares(half(call.output), call.output)
    return Replay(stored, stored)


def _rounded(values: Array) -> Array:
    return half(values) if values.dtype == np.float32 else values


def gain(call: Call, alone: OneNode, name: str, random: np.random.RandomState) -> Squares:
    """Return squares of the output's change and of the output, if one input changes at random by its own size.

    It is a condition number, estimated by small random changes (Kenney and Laub, Small-Sample Statistical Condition
    Estimates, SIAM J. Sci. Comput. 15, 1994); of a small tensor by several, whose chance weighs more.
    """
    x = call.values[name]
    changes = [_change(call, alone, name, random) for _ in range(int(np.clip(_ENOUGH // max(1, x.size), 1, _MOST)))]
    wrong, right = (float(np.mean(each)) for each in zip(*changes, strict=True))
    return wrong / _STEP**2, right


def _change(call: Call, alone: OneNode, name: str, random: np.random.RandomState) -> Squares:
    x = call.values[name]
    changed = x * (1 + _STEP * random.standard_normal(x.shape).astype(np.float32))
    return squares(alone({**call.values, name: changed}), call.output)
