"""Devices that ran the same thing: they should agree to the bit, and where they do not, which of them is alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.evidence import CellKey
from harness.judge.shapes import Outputs
from harness.results import CellResult, Peers, Status


@dataclass(frozen=True, slots=True)
class Ran:
    """A measured cell's outputs, with the threads that its device was asked to use."""

    cell: CellResult
    outputs: Outputs
    threads: int


def peers(ran: Sequence[Ran]) -> dict[CellKey, Peers]:
    """Compare the cells of one model, precision and engine whose effective path and thread count are the same.

    Compared are the images that both have. Cells without such a company are left out. With three or more, the
    one that differs while all others agree among themselves is named; with two there is only a disagreement.
    """
    groups: dict[tuple[object, ...], list[Ran]] = defaultdict(list)
    for one in ran:
        groups[_path(one)].append(one)
    return {key: found for group in groups.values() if len(group) > 1 for key, found in _compared(group).items()}


def comparable(cells: Iterable[CellResult]) -> list[CellResult]:
    """Return the cells that ran as they were asked to: only those can be anybody's peers."""
    return [
        cell
        for cell in cells
        if cell.status is Status.MEASURED and cell.effective is not None and cell.effective.in_effect is not False
    ]


def _path(one: Ran) -> tuple[object, ...]:
    key, effective = one.cell.key, one.cell.effective
    path = () if effective is None else (effective.weights, effective.compute, effective.extent)
    return (key.model, key.precision, key.engine, *path, one.threads)


def _compared(group: list[Ran]) -> dict[CellKey, Peers]:
    equal = _matrix(group)
    odd = _odd(group, equal)
    found = {}
    for index, one in enumerate(group):
        others = [other for other in range(len(group)) if other != index]
        found[one.cell.key] = Peers(
            equal=tuple(group[other].cell.key.device for other in others if equal[index, other]),
            unequal=tuple(group[other].cell.key.device for other in others if not equal[index, other]),
            odd=odd,
        )
    return found


def _matrix(group: list[Ran]) -> Mapping[tuple[int, int], bool]:
    pairs = [(a, b) for a in range(len(group)) for b in range(len(group)) if a < b]
    found = {pair: equal(group[pair[0]].outputs, group[pair[1]].outputs) for pair in pairs}
    return found | {(b, a): same for (a, b), same in found.items()}


def _odd(group: list[Ran], same: Mapping[tuple[int, int], bool]) -> str | None:
    if len(group) < 3:
        return None
    for index, one in enumerate(group):
        others = [other for other in range(len(group)) if other != index]
        alone = not any(same[index, other] for other in others)
        if alone and all(same[a, b] for a in others for b in others if a < b):
            return one.cell.key.device
    return None


def equal(one: Outputs, other: Outputs) -> bool:
    """Tell whether float32 outputs are equal to the bit over the images that both have."""
    images = min(len(one), len(other))
    a, b = one[:images], other[:images]
    return a.shape == b.shape and np.array_equal(a.view(np.uint32), b.view(np.uint32))
