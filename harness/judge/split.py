"""Where a cell's loss comes from: its measured parts, and which of them explains it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.judge.metrics import relative_l2
from harness.judge.shapes import Outputs
from harness.precision import Compute, Memory, Precision, Weights
from harness.results import Cause, LossPart, LossSplit, Peers

NOTHING = 1e-3
"""Largest median relative L2 of a part that explains nothing: fp32 in another order of summation stays below."""

PLAIN = (Weights(), Memory.NORMAL)


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """What a cell's outputs are held against, float32 [N, K] each, over the same images in the same order.

    Attributes:
        reference: by onnxruntime, fp32.
        host: by the variants' files on the coordinator at precision high.
        floor: by onnxruntime with float16 rounding.
        labels: integers [N], or None.
        peer: by a device that ran the same and does not agree to the bit; None where all agree.
    """

    reference: Outputs
    host: Mapping[tuple[Weights, Memory], Outputs]
    floor: Outputs | None = None
    labels: NDArray[np.integer] | None = None
    peer: Outputs | None = None


def split(*, outputs: Outputs, by: Yardsticks, precision: Precision, peers: Peers | None, device: str) -> LossSplit:
    """Measure the parts of a loss and name the dominant one.

    conversion: reference to the fp32 file here. quantisation: fp32 file here to this cell's file here, with int8
    arithmetic where its memory mode asks for it; none where that is the fp32 file. arithmetic: this cell's file
    here to the device. device: a peer that disagrees to the device. floor: reference to float16 rounding. A part
    is None where one of its two sides is missing.

    The dominant part is the one of conversion, quantisation and arithmetic with the largest median relative L2 (of
    equal ones that with more flips, then the earlier); none of them if that is below `NOTHING` and no top-1
    flipped in any. Parts need not add up: one may undo another, and each is measured by itself. Where arithmetic
    is the dominant one and the device is the odd one out among its peers, the device itself is.

    Args:
        outputs: float32 [n, K] of the device.
        by: what they are held against.
        precision: of the cell.
        peers: of the cell, None where it has none.
        device: its name.
    """
    mine = (precision.weights, precision.memory)
    plain, own = by.host.get(PLAIN), by.host.get(mine)
    floor = by.floor if precision.compute is Compute.FP16 else None
    parts = {
        Cause.CONVERSION: _part(by.reference, plain, outputs, by.labels),
        Cause.QUANTISATION: _part(plain, own, outputs, by.labels) if mine != PLAIN else None,
        Cause.ARITHMETIC: _part(own, outputs, outputs, by.labels),
    }
    dominant = _dominant(parts)
    if dominant is Cause.ARITHMETIC and peers is not None and peers.odd == device:
        dominant = Cause.DEVICE
    at_least = _part(by.reference, floor, outputs, by.labels)
    return LossSplit(
        conversion=parts[Cause.CONVERSION],
        quantisation=parts[Cause.QUANTISATION],
        arithmetic=parts[Cause.ARITHMETIC],
        device=_part(by.peer, outputs, outputs, by.labels),
        floor=at_least,
        dominant=dominant,
        note=_note(dominant, parts[Cause.ARITHMETIC], at_least, peers),
    )


def _part(
    base: Outputs | None, other: Outputs | None, outputs: Outputs, labels: NDArray[np.integer] | None
) -> LossPart | None:
    """Measure the way from one side to the other over the images that the cell has."""
    if base is None or other is None:
        return None
    images = min(len(outputs), len(base), len(other))
    one, two = base[:images].astype(np.float64), other[:images].astype(np.float64)
    if images < 1 or one.shape != two.shape:
        return None
    finite = np.isfinite(one).all(axis=1) & np.isfinite(two).all(axis=1)
    distance = np.full(images, np.inf)
    distance[finite] = relative_l2(reference=one[finite], outputs=two[finite])
    flips = int(np.count_nonzero(~finite | (one.argmax(axis=1) != two.argmax(axis=1))))
    drop = None if labels is None else 100.0 * (_right(one, labels[:images]) - _right(two, labels[:images])) / images
    return LossPart(images=images, relative_l2_median=float(np.median(distance)), flips=flips, drop_points=drop)


def _right(outputs: NDArray[np.float64], labels: NDArray[np.integer]) -> int:
    finite = np.isfinite(outputs).all(axis=1)
    return int(np.count_nonzero(finite & (outputs.argmax(axis=1) == labels)))


def _dominant(parts: Mapping[Cause, LossPart | None]) -> Cause | None:
    measured = {cause: part for cause, part in parts.items() if part is not None}
    if not any(part.relative_l2_median >= NOTHING or part.flips for part in measured.values()):
        return None
    return max(measured, key=lambda cause: (measured[cause].relative_l2_median, measured[cause].flips))


def _note(
    dominant: Cause | None, arithmetic: LossPart | None, floor: LossPart | None, peers: Peers | None
) -> str:  # fmt: skip
    said = []
    if floor is not None and arithmetic is not None and dominant in (Cause.ARITHMETIC, Cause.DEVICE):
        least, lost = floor.relative_l2_median, arithmetic.relative_l2_median
        if np.isinf(least):
            said.append("float16 itself cannot carry this model: rounding alone gives numbers that are not finite")
        elif lost <= 1.5 * least:
            said.append("float16 itself must lose this much")
        else:
            said.append(f"the engine's fp16 kernels lose {lost / least:.1f} times what float16 itself must")
    if peers is not None and peers.odd is not None:
        said.append(f"{peers.odd} alone differs from the devices that ran the same")
    elif peers is not None and peers.unequal:
        said.append(f"not equal to the bit to {', '.join(peers.unequal)}, which ran the same")
    return "; ".join(said)
