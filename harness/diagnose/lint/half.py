"""float16 arithmetic as MNN's ARMv8.2 kernels do it, replayed with numpy, and the measure of what it loses.

An accumulator takes one product after the other, s_k = fl(s_(k-1) + a_k b_k), where fl rounds to float16 and the
product is exact (a fused multiply-add). That is recursive summation (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 4.2), whose error is the sum over k of d_k s_k with |d_k| <= u = 2^-11. Two things
follow. As long as the d_k are like random numbers, the error relative to the sum of |a b| is about u sqrt(K), and
relative to the sum itself it is that times what cancels. Where all products have one sign the partial sums only
grow; once half a unit in their last place exceeds the products, these vanish altogether, the d_k all have one sign
too, and the error grows as K and worse. Which it is depends on the numbers, so they are not put into a formula, but
replayed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

Squares = tuple[float, float]
"""|wrong|^2 and |right|^2; they can be summed over images, and the root of the quotient is the relative L2 error."""

UNIT_ROUNDOFF = 2.0**-11
LARGEST = 65504.0
SMALLEST_NORMAL = 2.0**-14


def half(values: NDArray[np.floating[Any]]) -> Floats:
    """Round to float16 and return the result as float32; beyond the largest float16 it is infinity."""
    with np.errstate(over="ignore"):
        rounded: Floats = values.astype(np.float16).astype(np.float32)
    return rounded


def accumulate(a: Floats, b: Floats, start: Floats | float = 0.0) -> Floats:
    """Return the sums over the first axis of a * b as a float16 accumulator has them.

    Args:
        a: [K, ...], float16 numbers.
        b: the same, of a shape that goes with it.
        start: what the accumulator holds at first.
    """
    total = np.full(np.broadcast_shapes(a.shape[1:], b.shape[1:]), start, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for left, right in zip(a, b, strict=True):
            # In float32 the product of two float16 numbers is exact, and its sum nearly: rounding twice differs
            # from rounding once in about one case of 2^13.
            total = half(total + left * right)
    return total


def squares(found: NDArray[Any], right: NDArray[Any]) -> Squares:
    """Return |found - right|^2 and |right|^2; the former is infinite where `found` is not finite and `right` is."""
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = found.astype(np.float64) - right
    usable = np.isfinite(right)
    if not usable.all():
        wrong, right = wrong[usable], right[usable]
    # np.sum, not a dot product: that one is handed to threads, which wait for each other on a busy machine.
    error = float(np.sum(wrong**2)) if np.isfinite(wrong).all() else float("inf")
    return error, float(np.sum(np.square(right, dtype=np.float64)))


def relative(pairs: Sequence[Squares]) -> float:
    """Return the relative L2 error over all; infinity where what is right is 0 and what was found is not."""
    wrong, right = (sum(each) for each in zip(*pairs, strict=True))
    if wrong == 0:
        return 0.0
    return float(np.sqrt(wrong / right)) if right > 0 else float("inf")
