"""Lies that no cell reveals by itself: two cells of one device that ought to differ, and are equal to the bit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from harness.errors import Code, Problem
from harness.evidence import CellKey, Failure
from harness.judge.peers import equal
from harness.judge.shapes import Outputs
from harness.judge.stored import StoredRun
from harness.judge.variant_file import Held, held
from harness.precision import Memory, Weights
from harness.results import CellResult, Status, Verdict

_ADVICE = (
    "Outputs of different arithmetic or weights are never equal to the bit: the device answered with another cell's"
    " outputs or file. Trust neither; empty the device's store, and measure again."
)

_Path = tuple[str, str]
"""The weights and the arithmetic that ran."""

_PLAIN: _Path = Weights().stored_as, "fp32"


def crosscheck(cells: Sequence[CellResult], stored: StoredRun) -> tuple[CellResult, ...]:
    """Turn cells into errors whose outputs are those of a cell that ran otherwise, over the images of both.

    Compared are cells of one device, model and engine whose precision took effect, and whose weights or
    arithmetic differ. The plain fp32 cell keeps its verdict, since its outputs are what they claim to be; of two
    reduced cells both lose theirs. A cell whose precision did not take effect claims nothing, and stays N/A.
    Weights that a smaller file holds without any loss (`harness.judge.variant_file`) are those of the fp32 file, and
    files of unlike weights that answer alike on the coordinator may do so on a device: where no layer has more than
    32 input channels, a scale a channel and one for 32 channels are the same.
    """
    paths = {cell.key: path for cell in cells if (path := _path(cell, stored)) is not None}
    found: dict[CellKey, CellKey] = {}
    for group in _groups(paths):
        # A measured cell has outputs that were loaded once already, so this finds them again.
        arrays = {key: stored.outputs(stored.evidence[key].outputs or "") for key in group}
        for one, other in combinations(group, 2):
            if paths[one] == paths[other] or _files_answer_alike(one, other, stored):
                continue
            if _same(arrays[one], arrays[other]):
                found.update({a: b for a, b in ((one, other), (other, one)) if paths[a] != _PLAIN})
    return tuple(_exposed(cell, found[cell.key]) if cell.key in found else cell for cell in cells)


def _files_answer_alike(one: CellKey, other: CellKey, stored: StoredRun) -> bool:
    """Tell whether two cells' files, other than the fp32 file, are equal to the bit in their answers here."""
    asked = {precision.name: precision for precision in stored.precisions}
    a, b = asked[one.precision], asked[other.precision]
    host = next(model.host for model in stored.models if model.result.name == one.model)
    mine, theirs = (host.get((each.weights, Memory.NORMAL)) for each in (a, b))
    if mine is None or theirs is None or Weights() in (a.weights, b.weights) or a.weights == b.weights:
        return False
    return (a.compute, a.memory) == (b.compute, b.memory) and _same(mine, theirs)


def _same(one: Outputs, other: Outputs) -> bool:
    # Where nothing is finite there is nothing to be equal: such cells fail by themselves.
    return bool(np.isfinite(one).any()) and equal(one, other)


def _path(cell: CellResult, stored: StoredRun) -> _Path | None:
    """Return what ran in a cell; None where nothing did, or not what was asked for."""
    ran = cell.effective
    if cell.status is not Status.MEASURED or ran is None or not ran.in_effect:
        return None
    weights = next(one.weights for one in stored.precisions if one.name == cell.key.precision)
    model = next(one for one in stored.models if one.result.name == cell.key.model)
    exact = weights != Weights() and held(model, weights) is Held.EXACT
    return Weights().stored_as if exact else ran.weights, ran.compute


def _groups(paths: Mapping[CellKey, _Path]) -> Iterable[list[CellKey]]:
    """Yield cells that share device, model and engine, where they did not all run the same."""
    groups: dict[tuple[str, str, str], list[CellKey]] = defaultdict(list)
    for key in paths:
        groups[key.device, key.model, key.engine].append(key)
    return (group for group in groups.values() if len({paths[key] for key in group}) > 1)


def _exposed(cell: CellResult, twin: CellKey) -> CellResult:
    message = f"the outputs are equal to the bit to those of {twin.precision} on the same device"
    failure = Failure.of(Problem(Code.OUTPUT_MISMATCH, message, _ADVICE))
    changes = {"status": Status.ERROR, "verdict": Verdict.ERROR, "cause": None, "reason": message, "failure": failure}
    return cell.model_copy(update=changes)
