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

FAR = 3.0
"""From so many times the device's distance to the fp32 file on, the coordinator's own run of a variant is astray."""

NEGLIGIBLE = 1e-3
"""Part of a loss up to which the float16 floor is next to nothing."""

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

    Quantisation and arithmetic are both measured by the coordinator's own run of the variant's file, and its kernels
    may be the odd ones (int8 ones in particular). Where that run is `FAR` times as far from the fp32 file as the
    device is, or farther, and no less than `NOTHING`, it is astray, and the two parts say nothing of the device. They
    are shown, with a note, and neither is dominant: what may be is conversion, where it is larger than the way from
    the fp32 file to the device, and else the device, where it is the odd one out.

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
    whole = _part(plain, outputs, outputs, by.labels)
    astray = _astray(parts[Cause.QUANTISATION], whole)
    # Without a host to go by, what is left of the way to the device counts as one part of unknown cause.
    rest = {Cause.CONVERSION: parts[Cause.CONVERSION], Cause.ARITHMETIC: whole} if astray else parts
    dominant = _dominant(rest)
    if dominant is Cause.ARITHMETIC and peers is not None and peers.odd == device:
        dominant = Cause.DEVICE
    elif dominant is Cause.ARITHMETIC and astray:
        dominant = None
    at_least = _part(by.reference, floor, outputs, by.labels)
    kernels = dominant in (Cause.ARITHMETIC, Cause.DEVICE) and not astray
    said = [astray, _next_to_floor(parts[Cause.ARITHMETIC], at_least) if kernels else "", _among(peers)]
    return LossSplit(
        conversion=parts[Cause.CONVERSION],
        quantisation=parts[Cause.QUANTISATION],
        arithmetic=parts[Cause.ARITHMETIC],
        device=_part(by.peer, outputs, outputs, by.labels),
        floor=at_least,
        dominant=dominant,
        note="; ".join(filter(None, said)),
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


def _astray(own: LossPart | None, device: LossPart | None) -> str:
    """Say that the coordinator's own run of a variant is astray, as `split` defines it, or return ''.

    Args:
        own: from the fp32 file to the variant's, both run by the coordinator.
        device: from the fp32 file to the device.
    """
    if own is None or device is None:
        return ""
    here, there = own.relative_l2_median, device.relative_l2_median
    if here < max(NOTHING, FAR * there) or np.isinf(there):
        return ""
    return (
        f"the coordinator's own run of this file is far from the fp32 file (relative L2 {here:.2g}), the device's is "
        f"not ({there:.2g}): quantisation and arithmetic, measured by that run, say nothing of the device"
    )


def _next_to_floor(arithmetic: LossPart | None, floor: LossPart | None) -> str:
    """Say how a loss by arithmetic compares with what float16 itself must lose; '' where either is not known."""
    if arithmetic is None or floor is None:
        return ""
    least, lost = floor.relative_l2_median, arithmetic.relative_l2_median
    if np.isinf(least):
        return "float16 itself cannot carry this model: rounding alone gives numbers that are not finite"
    if lost <= 1.5 * least:
        return "float16 itself must lose this much"
    if least <= NEGLIGIBLE * lost:
        return "float16 itself must lose next to nothing: the engine's fp16 kernels lose it"
    return f"the engine's fp16 kernels lose {lost / least:.1f} times what float16 itself must"


def _among(peers: Peers | None) -> str:
    if peers is not None and peers.odd is not None:
        return f"{peers.odd} alone differs from the devices that ran the same"
    if peers is not None and peers.unequal:
        return f"not equal to the bit to {', '.join(peers.unequal)}, which ran the same"
    return ""
