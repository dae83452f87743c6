"""How many of the cells that ran as asked came to a verdict: whether a run had images enough."""

from collections.abc import Iterable

from harness.results import CellResult, Status, Verdict


def ran_as_asked(cells: Iterable[CellResult]) -> list[CellResult]:
    """Return the cells that could have been decided: measured, at a precision that is not known to be another."""
    return [cell for cell in cells if cell.status is Status.MEASURED and cell.verdict is not Verdict.NA]


def decided(cells: Iterable[CellResult]) -> list[CellResult]:
    """Return those of them that were: PASS or FAIL."""
    return [cell for cell in ran_as_asked(cells) if cell.verdict is not Verdict.INCONCLUSIVE]
