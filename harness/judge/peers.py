"""Devices that ran the same thing: they should agree to the bit, and where they do not, which of them is alone."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.evidence import CellKey
from harness.judge.shapes import Outputs
from harness.results import CellResult, Extent, Peers, Status


@dataclass(frozen=True, slots=True)
class Ran:
    """A measured cell's outputs, with the threads that its device was asked to use."""

    cell: CellResult
    outputs: Outputs
    threads: int


def peers(ran: Sequence[Ran]) -> dict[CellKey, Peers]:
    """Compare the cells of one model, precision and engine whose effective path and thread count are the same.

    Compared are the images that both have. With three or more, the one that differs while all others agree among
    themselves is named; with two there is only a disagreement. A cell of which it is not proven what ran is nobody's
    peer; it and those that were asked the same are compared apart (`asked_equal` and so on), and the odd one out
    among them is named where all that is proven took one path. Cells without any company are left out.
    """
    found: dict[CellKey, Peers] = {}
    for asked in _grouped(ran, _asked):
        paths = _grouped((one for one in asked if _is_proven(one)), _path)
        for group in paths:
            found.update(_compared(group))
        if not all(map(_is_proven, asked)):
            odd = _odd(asked, _matrix(asked)) if len(paths) < 2 else None
            found.update(
                {one.cell.key: _asked_too(one, asked, found.get(one.cell.key, Peers()), odd) for one in asked}
            )
    return {key: one for key, one in found.items() if one != Peers()}


def comparable(cells: Iterable[CellResult]) -> list[CellResult]:
    """Return the cells that ran as they were asked to: only those can be anybody's peers."""
    return [
        cell
        for cell in cells
        if cell.status is Status.MEASURED and cell.effective is not None and cell.effective.in_effect is not False
    ]


def _grouped(cells: Iterable[Ran], by: Callable[[Ran], tuple[object, ...]]) -> list[list[Ran]]:
    groups: dict[tuple[object, ...], list[Ran]] = defaultdict(list)
    for one in cells:
        groups[by(one)].append(one)
    return list(groups.values())


def _asked(one: Ran) -> tuple[object, ...]:
    key = one.cell.key
    return key.model, key.precision, key.engine, one.threads


def _path(one: Ran) -> tuple[object, ...]:
    ran = one.cell.effective
    return () if ran is None else (ran.weights, ran.compute, ran.extent)


def _is_proven(one: Ran) -> bool:
    return one.cell.effective is not None and one.cell.effective.extent is not Extent.UNPROVEN


def _compared(group: list[Ran]) -> dict[CellKey, Peers]:
    same = _matrix(group)
    odd = _odd(group, same)
    found = {}
    for index, one in enumerate(group):
        others = [other for other in range(len(group)) if other != index]
        found[one.cell.key] = Peers(
            equal=tuple(group[other].cell.key.device for other in others if same[index, other]),
            unequal=tuple(group[other].cell.key.device for other in others if not same[index, other]),
            odd=odd,
        )
    return found


def _asked_too(one: Ran, asked: Sequence[Ran], found: Peers, odd: str | None) -> Peers:
    """Add those with which it shares no proven path, since on one side or the other nothing is proven."""
    others = [other for other in asked if other is not one and not (_is_proven(one) and _is_proven(other))]
    same = {other.cell.key.device: equal(one.outputs, other.outputs) for other in others}
    update = {
        "asked_equal": tuple(device for device, agrees in same.items() if agrees),
        "asked_unequal": tuple(device for device, agrees in same.items() if not agrees),
        "asked_odd": odd,
    }
    return found.model_copy(update=update)


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
