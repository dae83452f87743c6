"""`farm explain`: where and why a cell's numbers leave the reference."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.commands.stored import open_run
from harness.commands.subject import Reach, subject_of
from harness.diagnose.explaining import explain_cell
from harness.diagnose.stored import keep_diagnosis, load_diagnosis
from harness.diagnosis import Explanation
from harness.errors import Code, InputError
from harness.judge.run import judge
from harness.report.explained import explanation_text
from harness.report.write import write_reports
from harness.results import CellResult, RunResults


@dataclass(frozen=True, slots=True)
class Named:
    """A cell as the command line names it; no engine: the only one that the run has."""

    device: str
    model: str
    precision: str
    engine: str | None = None


def explain_command(folder: Path, named: Named, reach: Reach, console: Console, *, images: int, again: bool) -> int:
    """Explain one cell, from what was found before or by a closer look at its device; return the exit code.

    Raises:
        InputError: there is no such cell, or nothing to explain in it.
        FarmError: the device could not be looked into.
    """
    results = judge(open_run(folder))
    cell = find_cell(results, named)
    known = next((one for one in load_diagnosis(folder).explanations if one.key == cell.key), None)
    found = known if known is not None and not again else _looked_at(folder, cell, reach, console, images)
    console.print(explanation_text(found), markup=False, highlight=False, soft_wrap=True)
    write_reports(results, folder, load_diagnosis(folder))
    console.print(f"Report: {folder / 'report.md'}", markup=False, highlight=False, soft_wrap=True)
    return 0


def find_cell(results: RunResults, named: Named) -> CellResult:
    """Return the cell that is meant.

    Raises:
        InputError: nothing-to-explain, there is none, or there are several.
    """
    found = [
        cell
        for cell in results.cells
        if (cell.key.device, cell.key.model, cell.key.precision) == (named.device, named.model, named.precision)
        and named.engine in (None, cell.key.engine)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        engines = ", ".join(cell.key.engine for cell in found)
        raise InputError(Code.NOTHING_TO_EXPLAIN, f"There are {len(found)} such cells.", f"Add --engine: {engines}.")
    raise InputError(
        Code.NOTHING_TO_EXPLAIN,
        f"The run has no cell {named.device} · {named.model} · {named.precision}.",
        f"Devices: {_listed(results, 'device')}. Models: {_listed(results, 'model')}. "
        f"Precisions: {_listed(results, 'precision')}.",
    )


def _looked_at(folder: Path, cell: CellResult, reach: Reach, console: Console, images: int) -> Explanation:
    with subject_of(folder, reach, console) as subject:
        found = explain_cell(subject, cell, images=images)
    keep_diagnosis(folder, explanations=(found.explanation,), scores=() if found.score is None else (found.score,))
    return found.explanation


def _listed(results: RunResults, what: str) -> str:
    return ", ".join(dict.fromkeys(str(getattr(cell.key, what)) for cell in results.cells))
