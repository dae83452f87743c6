"""Which plans are worth trying: those that no other beats in predicted error, work in fp32 and cuts at once. Pure.

The errors of blocks are taken to add as the root of their sum of squares, as those of independent roundings do. They
are not quite independent: where it is known how far all blocks together are off, the blocks' errors are raised to add
up to it. What is predicted only orders the candidates; the devices judge them.

The front is exact for any number of blocks: a dynamic program over the blocks in their order keeps, for each
precision of the last one, number of cuts and work, the smallest error. Work is counted in ten-thousandths of the
model's multiply-adds, which bounds what is kept.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.diagnose.plans import Plan
from harness.precision import Compute

UNITS = 10_000
CUT_COST = 0.005
"""What a cut may save to be worth it, as a share of the multiply-adds: it copies a tensor."""

CLEAR = 0.5
"""Share of the squared error that sparing a block must take away to count. That is the difference of two large
numbers, each measured on a few images: for a block that hardly does anything it is nothing but noise."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a block does to the output, as a relative L2 distance from fp32; not finite where the output is not.

    Attributes:
        alone: only this block is in the reduced precision.
        spared: only this block is in fp32; None where that was not measured.
    """

    alone: float
    spared: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan that may be tried.

    Attributes:
        error: predicted relative L2 distance at the output.
        share: of the multiply-adds (0..1) in the reduced precision.
    """

    plan: Plan
    error: float
    share: float

    @property
    def cost(self) -> float:
        """The share of the multiply-adds in fp32, and what its cuts cost in the same measure."""
        return 1 - self.share + CUT_COST * self.plan.cuts


def squared_errors(sensitivities: Sequence[Sensitivity], together: float | None = None) -> tuple[float, ...]:
    """Return what each block adds to the squared error at the output.

    Args:
        sensitivities: of the blocks.
        together: the relative L2 distance with all blocks in the reduced precision. With it, a block counts by what
            sparing it takes away where that is more than it does alone, and most of all there is (`CLEAR`); and all
            are raised to add up to it.
    """
    known = together if together is not None and math.isfinite(together) else None
    found = [_squared(each, known) for each in sensitivities]
    total = sum(each for each in found if math.isfinite(each))
    factor = known**2 / total if known is not None and 0 < total < known**2 else 1.0
    return tuple(each * factor for each in found)


def predicted(plan: Plan, squares: Sequence[float]) -> float:
    """Return the relative L2 distance that a plan should have, from what each block adds to its square."""
    return math.sqrt(sum(each for compute, each in zip(plan.computes, squares, strict=True) if _is_reduced(compute)))


def front(
    multiply_adds: Sequence[float], squares: Sequence[float], reduced: Compute = Compute.FP16
) -> tuple[Candidate, ...]:
    """Return all plans that no other beats, by rising error; one of those that are alike in all three.

    Args:
        multiply_adds: of the blocks, in the order in which they run.
        squares: what each block adds to the squared error in the reduced precision; infinite where it must not be.
        reduced: the precision of what is not in fp32.
    """
    total = sum(multiply_adds) or 1.0
    kept: dict[_State, list[_Label]] = {}
    for index, (work, square) in enumerate(zip(multiply_adds, squares, strict=True)):
        kept = _extended(kept, round(UNITS * work / total), square) if index else _first(work, total, square)
    labels = sorted((error, done, cuts, mask) for (_, cuts), own in kept.items() for error, done, mask in own)
    best: dict[int, int] = {}
    found = []
    for square, done, cuts, mask in labels:
        if all(done < units for fewer, units in best.items() if fewer <= cuts):
            best[cuts] = done
            found.append(_candidate(mask, square, multiply_adds, total, reduced))
    return tuple(found)


_State = tuple[bool, int]
"""Whether the last block is reduced, and how many cuts there are."""
_Label = tuple[float, int, tuple[bool, ...]]
"""Squared error, units of work in the reduced precision (negative, so that the smaller is the better), and where."""


def _first(work: float, total: float, square: float) -> dict[_State, list[_Label]]:
    return {(False, 0): [(0.0, 0, (False,))], (True, 0): [(square, -round(UNITS * work / total), (True,))]}


def _extended(kept: dict[_State, list[_Label]], units: int, square: float) -> dict[_State, list[_Label]]:
    grown: dict[_State, list[_Label]] = {}
    for (last, cuts), labels in kept.items():
        for reduced in (False, True):
            more = [
                (error + square if reduced else error, done - units if reduced else done, (*mask, reduced))
                for error, done, mask in labels
            ]
            grown.setdefault((reduced, cuts + (reduced is not last)), []).extend(more)
    return {state: _undominated(labels) for state, labels in grown.items()}


def _undominated(labels: Iterable[_Label]) -> list[_Label]:
    found: list[_Label] = []
    for label in sorted(labels):
        if not found or label[1] < found[-1][1]:
            found.append(label)
    return found


def _candidate(
    mask: tuple[bool, ...], square: float, multiply_adds: Sequence[float], total: float, reduced: Compute
) -> Candidate:
    plan = Plan(tuple(reduced if each else Compute.FP32 for each in mask))
    share = sum(work for each, work in zip(mask, multiply_adds, strict=True) if each) / total
    return Candidate(plan, math.sqrt(square), share)


def _squared(sensitivity: Sensitivity, together: float | None) -> float:
    alone = sensitivity.alone**2 if math.isfinite(sensitivity.alone) else math.inf
    if together is None or sensitivity.spared is None or not math.isfinite(sensitivity.spared):
        return alone
    taken = together**2 - sensitivity.spared**2
    return max(alone, taken) if taken >= CLEAR * together**2 else alone


def _is_reduced(compute: Compute) -> bool:
    return compute is not Compute.FP32
