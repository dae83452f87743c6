"""Lies that no cell reveals by itself: two cells of one device that ought to differ, and are equal to the bit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from harness.errors import Code, Problem
from harness.evidence import CellEvidence, CellKey, Failure
from harness.judge.peers import equal
from harness.judge.shapes import Outputs
from harness.judge.stored import OutputLoader
from harness.results import CellResult, Status, Verdict

_ADVICE = (
    "Outputs of different arithmetic or weights are never equal to the bit: the device answered with another cell's"
    " outputs or file, or the converter left the weights as they were. Trust neither; empty the device's store and"
    " the cache of variants, and measure again."
)


def crosscheck(
    cells: Sequence[CellResult], *, evidence: Mapping[CellKey, CellEvidence], outputs: OutputLoader
) -> tuple[CellResult, ...]:
    """Turn cells into errors whose outputs are those of a cell that ran otherwise, over the images of both.

    Compared are cells of one device, model and engine whose precision took effect, and whose weights or
    arithmetic differ. The plain fp32 cell keeps its verdict, since its outputs are what they claim to be; of two
    reduced cells both lose theirs. A cell whose precision did not take effect claims nothing, and stays N/A.
    """
    found: dict[CellKey, CellKey] = {}
    for group in _groups(cells):
        arrays = {cell.key: _first(evidence[cell.key], outputs) for cell in group}
        for one, other in combinations(group, 2):
            if _ran(one) != _ran(other) and equal(arrays[one.key], arrays[other.key]):
                found.update({a.key: b.key for a, b in ((one, other), (other, one)) if not _is_plain(a)})
    return tuple(_exposed(cell, found[cell.key]) if cell.key in found else cell for cell in cells)


def _groups(cells: Iterable[CellResult]) -> list[list[CellResult]]:
    groups: dict[tuple[str, str, str], list[CellResult]] = defaultdict(list)
    for cell in cells:
        if cell.status is Status.MEASURED and cell.effective is not None and cell.effective.in_effect:
            groups[cell.key.device, cell.key.model, cell.key.engine].append(cell)
    return [group for group in groups.values() if len({_ran(cell) for cell in group}) > 1]


def _first(evidence: CellEvidence, outputs: OutputLoader) -> Outputs:
    # A measured cell has outputs that were loaded once already, so this finds them again.
    return outputs(evidence.outputs or "")


def _ran(cell: CellResult) -> tuple[str, str]:
    ran = cell.effective
    return ("", "") if ran is None else (ran.weights, ran.compute)


def _is_plain(cell: CellResult) -> bool:
    return _ran(cell) == ("float32", "fp32")


def _exposed(cell: CellResult, twin: CellKey) -> CellResult:
    message = f"the outputs are equal to the bit to those of {twin.precision} on the same device"
    failure = Failure.of(Problem(Code.OUTPUT_MISMATCH, message, _ADVICE))
    changes = {"status": Status.ERROR, "verdict": Verdict.ERROR, "cause": None, "reason": message, "failure": failure}
    return cell.model_copy(update=changes)
