"""The exit code of a run, by the contract: 1 before 3 before 0."""

from harness.results import CellResult, RunResults, Verdict

OK, GATE_BROKEN, INCOMPLETE = 0, 1, 3


def exit_code(results: RunResults, gate: bool) -> int:
    """Return 0, 1 or 3.

    1: `gate`, and some cell breaks it (see `breaks_gate`). 3: some cell is an ERROR or pending; with `gate` also
    where one is INCONCLUSIVE. A run without cells is incomplete: an empty matrix shows nothing.
    """
    if gate and any(map(breaks_gate, results.cells)):
        return GATE_BROKEN
    open_verdicts = {Verdict.ERROR, Verdict.INCONCLUSIVE} if gate else {Verdict.ERROR}
    if not results.cells or not results.complete or any(cell.verdict in open_verdicts for cell in results.cells):
        return INCOMPLETE
    return OK


def breaks_gate(cell: CellResult) -> bool:
    """Tell whether a cell fails unexpectedly, or passes although it is known to fail."""
    return cell.verdict is (Verdict.FAIL if cell.expected is None else Verdict.PASS)
