"""Weights in few bits, as MNN's converter stores them: asymmetric, one scale and one offset for each output channel.

A channel's weights are put on 2^bits equal steps from its smallest to its largest weight. One weight that is far
larger than the others makes the steps so wide that the others are lost. That need not show in the relative error of
the weights, of which the large one has nearly all the norm; it shows in the output, where that weight meets small
numbers. And a channel whose steps would be smaller than 1e-6 is not stored at all: all its weights come back as the
smallest of them. So 8 bits can be worse than 4, whose steps are wider.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.diagnose.lint.figures import WeightFigures
from harness.diagnose.lint.half import Floats, Squares, relative, squares
from harness.diagnose.lint.operands import Operands, exact

BITS = (8, 4)

FINEST_STEP = 1e-6
"""Smaller steps are taken for none (MNN 3.6.1: IDSTEncoder)."""


def stored(rows: Floats, bits: int) -> Floats:
    """Return weights [output channels, K] as they come back from being stored in so many bits."""
    low, step = rows.min(axis=1, keepdims=True), steps(rows, bits)[:, None]
    kept = step > FINEST_STEP
    levels = np.rint((rows - low) / np.where(kept, step, 1))
    return np.asarray(np.where(kept, levels * step, 0) + low, np.float32)


def steps(rows: Floats, bits: int) -> Floats:
    """Return the step of every channel."""
    return np.asarray((rows.max(axis=1) - rows.min(axis=1)) / np.float32(2**bits - 1), np.float32)


def spread(rows: Floats) -> tuple[float, int]:
    """Return the largest |w| by the median |w| of the channel where that is most, and that channel."""
    magnitudes = np.abs(rows)
    median = np.median(magnitudes, axis=1)
    ratios = np.divide(magnitudes.max(axis=1), median, out=np.ones(len(median), np.float32), where=median > 0)
    channel = int(np.argmax(ratios))
    return float(ratios[channel]), channel


def lost_by_storing(rows: Floats, which: NDArray[np.intp], bits: int) -> Floats:
    """Return what the weights of some channels lose, [K, n]."""
    return np.asarray((stored(rows, bits) - rows)[which].T, np.float32)


def output_squares(operands: Operands, lost: Floats) -> Squares:
    """Return the squares of the outputs' error if the weights lose something, [K, n]."""
    right = exact(operands.a, operands.b, operands.bias)
    return squares(right + exact(operands.a, lost, np.zeros_like(operands.bias)), right)


def figures(rows: Floats, seen: Sequence[Mapping[int, Squares]]) -> dict[int, WeightFigures]:
    """Return the figures for each number of bits, from the weights and the `output_squares` of all images."""
    ratio, channel = spread(rows)
    return {
        bits: WeightFigures(
            weights=relative([squares(stored(rows, bits), rows)]),
            output=relative([each[bits] for each in seen]),
            spread=ratio,
            channel=channel,
            lost=float(np.mean((steps(rows, bits) <= FINEST_STEP) & (np.ptp(rows, axis=1) > 0))),
        )
        for bits in BITS
    }
