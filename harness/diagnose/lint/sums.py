"""An operator that adds up products, on one image: how long, how much cancels, what float16 and few bits do to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.diagnose.lint import few_bits, winograd
from harness.diagnose.lint.call import Call
from harness.diagnose.lint.figures import SumFigures
from harness.diagnose.lint.half import Squares, squares
from harness.diagnose.lint.operands import Operands, exact, length, operands, weight_rows
from harness.diagnose.lint.replay import Replay, replay_sum

_PRODUCTS = 1 << 18
"""Products that are replayed for one call, about."""
_FEWEST, _MOST = 128, 8192
"""Outputs that are sampled for one call."""


@dataclass(frozen=True, eq=False)
class SumSeen:
    """What one image showed.

    Attributes:
        ratios: [n], (sum of |a b|) / |sum of a b| of the sampled outputs.
        one_signed: [n], whether all products have one sign or are 0.
        few_bits: by the number of bits, squares of the output's error.
    """

    replay: Replay
    length: int
    winograd: int
    ratios: NDArray[np.float64]
    one_signed: NDArray[np.bool_]
    few_bits: Mapping[int, Squares]


def see_sum(call: Call, random: np.random.RandomState) -> SumSeen | None:
    """Look at one call; None where it is no sum of products that we know."""
    count = int(np.clip(_PRODUCTS // max(1, length(call)), _FEWEST, _MOST))
    found = operands(call, count=count, random=random)
    if found is None:
        return None
    matrices = winograd.tile_of(call)
    products = found.a * found.b
    right = np.abs(exact(found.a, found.b, found.bias))
    magnitudes = np.abs(products).sum(axis=0, dtype=np.float64) + np.abs(found.bias)
    return SumSeen(
        replay=replay_sum(found) if matrices is None else _tiles(matrices, call, random),
        length=len(found.a) if matrices is None else call.input(1).shape[1],
        winograd=0 if matrices is None else matrices.outputs,
        ratios=_ratios(magnitudes, right),
        one_signed=np.logical_or((products >= 0).all(axis=0), (products <= 0).all(axis=0)),
        few_bits=_few_bits(call, found),
    )


def _ratios(magnitudes: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    nothing = np.where(magnitudes > 0, np.inf, 1.0)  # a sum of zeros cancels nothing
    return np.divide(magnitudes, sums, out=nothing, where=sums != 0)


def _tiles(matrices: winograd.Transforms, call: Call, random: np.random.RandomState) -> Replay:
    pair = squares(*winograd.replay(matrices, call, count=4 * _FEWEST, random=random))
    return Replay(pair, pair)


def _few_bits(call: Call, found: Operands) -> dict[int, Squares]:
    rows = weight_rows(call.graph, call.node)
    if rows is None or found.rows is None:
        return {}
    return {
        bits: few_bits.output_squares(found, few_bits.lost_by_storing(rows, found.rows, bits))
        for bits in few_bits.BITS
    }


def sum_figures(seen: Sequence[SumSeen]) -> SumFigures | None:
    """Return the figures over all images."""
    if not seen:
        return None
    return SumFigures(
        length=seen[0].length,
        cancellation=float(np.median(np.concatenate([each.ratios for each in seen]))),
        one_signed=float(np.mean(np.concatenate([each.one_signed for each in seen]))),
        winograd=seen[0].winograd,
    )
