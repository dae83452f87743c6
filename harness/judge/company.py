"""Cells next to each other: what only other devices and the coordinator's own runs can tell of a loss."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from harness.evidence import CellKey
from harness.judge.peers import Ran, comparable, peers
from harness.judge.shapes import Outputs
from harness.judge.split import Yardsticks, split
from harness.judge.stored import ModelRecord, StoredRun
from harness.precision import Precision
from harness.results import CellResult, Peers, Verdict


def in_company(cells: Sequence[CellResult], stored: StoredRun) -> tuple[CellResult, ...]:
    """Add peers, the split of the loss and the cause of a failure to every cell that ran as asked.

    A cause that is known already (numbers that are not finite) stands.
    """
    groups: dict[tuple[str, str, str], list[CellResult]] = defaultdict(list)
    for cell in comparable(cells):
        groups[cell.key.model, cell.key.precision, cell.key.engine].append(cell)
    found: dict[CellKey, CellResult] = {}
    for group in groups.values():
        found.update({cell.key: cell for cell in _judged_together(group, stored)})
    return tuple(found.get(cell.key, cell) for cell in cells)


def _judged_together(group: Sequence[CellResult], stored: StoredRun) -> list[CellResult]:
    threads = {device.name: device.threads for device in stored.devices}
    models = {model.result.name: model for model in stored.models}
    precisions = {precision.name: precision for precision in stored.precisions}
    # Loaded once already, so this finds the arrays again; those of one group at a time are held.
    outputs = {cell.key: stored.outputs(stored.evidence[cell.key].outputs or "") for cell in group}
    beside = peers([Ran(cell, outputs[cell.key], threads[cell.key.device]) for cell in group])
    return [
        _explained(cell, outputs, beside.get(cell.key), models[cell.key.model], precisions[cell.key.precision])
        for cell in group
    ]


def _explained(
    cell: CellResult,
    outputs: dict[CellKey, Outputs],
    beside: Peers | None,
    model: ModelRecord,
    precision: Precision,
) -> CellResult:
    if model.reference is None:
        return cell
    by = Yardsticks(model.reference, model.host, model.floor, model.labels)
    # Where one device is alone, its difference is its own and not that of all others.
    if beside is not None and beside.unequal and beside.odd in (None, cell.key.device):
        by = replace(by, peer=outputs[cell.key.model_copy(update={"device": beside.unequal[0]})])
    found = split(outputs=outputs[cell.key], by=by, precision=precision, peers=beside, device=cell.key.device)
    cause = found.dominant if cell.verdict is Verdict.FAIL and cell.cause is None else cell.cause
    return cell.model_copy(update={"peers": beside, "split": found, "cause": cause})
