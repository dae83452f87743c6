"""`farm remedy`: what repairs the cells of a run that lose accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.commands.stored import open_run
from harness.commands.subject import Reach, subject_of
from harness.diagnose.repairing import failing, repair
from harness.diagnose.stored import load_diagnosis
from harness.diagnose.treating import Budget
from harness.diagnosis import Treatment
from harness.errors import Code, InputError
from harness.judge.run import judge
from harness.report.remedied import treatment_text
from harness.report.write import write_reports
from harness.results import CellResult, RunResults, Status, Verdict

NOT_REPAIRED = 1


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which cells are meant: those that match all that is given; nothing given: all that fail.

    Attributes:
        engines: other versions of the engine that are tried as repairs.
    """

    device: str | None = None
    model: str | None = None
    precision: str | None = None
    engines: tuple[str, ...] = ()


def remedy_command(folder: Path, chosen: Chosen, reach: Reach, budget: Budget, console: Console) -> int:
    """Try the repairs for cells of a run; return 0 where each of them has one that passes, else 1.

    Raises:
        InputError: there is no such cell, or what the run was asked has changed.
        FarmError: the devices could not be measured.
    """
    results = judge(open_run(folder))
    cells = _cells(results, chosen)
    with subject_of(folder, reach, console) as subject:
        found = repair(subject, results, cells, budget, chosen.engines)
    tell(found, console)
    write_reports(results, folder, load_diagnosis(folder))
    console.print(f"Report: {folder / 'report.md'}", markup=False, highlight=False, soft_wrap=True)
    return 0 if all(one.best is not None for one in found) else NOT_REPAIRED


def tell(found: Sequence[Treatment], console: Console) -> None:
    """Show what was tried and what is recommended, cell by cell."""
    for one in found:
        console.print(treatment_text(one), markup=False, highlight=False, soft_wrap=True)


def _cells(results: RunResults, chosen: Chosen) -> list[CellResult]:
    named = [cell for cell in results.cells if _matches(cell, chosen)]
    if not named:
        raise InputError(Code.NOTHING_TO_EXPLAIN, "The run has no such cell.")
    measured = [cell for cell in named if cell.status is Status.MEASURED and cell.verdict is not Verdict.NA]
    # A cell that is named by its precision is repaired although it passes: its numbers may be wanted closer.
    wanted = measured if chosen.precision is not None else failing(named)
    if not wanted:
        raise InputError(
            Code.NOTHING_TO_EXPLAIN,
            "No cell is shown to lose accuracy, so there is nothing to repair.",
            "Name a cell with --precision (and --device, --model) to have it repaired all the same.",
        )
    return wanted


def _matches(cell: CellResult, chosen: Chosen) -> bool:
    pairs = (
        (chosen.device, cell.key.device),
        (chosen.model, cell.key.model),
        (chosen.precision, cell.key.precision),
    )
    return all(wanted in (None, given) for wanted, given in pairs)
