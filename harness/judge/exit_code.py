"""The exit code of a run, by the contract: 1 before 3 before 0."""

from collections.abc import Iterable
from typing import Protocol

from harness.results import CellResult, RunResults, Verdict

OK, GATE_BROKEN, INCOMPLETE = 0, 1, 3


class Expected(Protocol):
    """A known failure; an entry without an engine holds for every engine."""

    @property
    def device(self) -> str: ...  # noqa: D102

    @property
    def model(self) -> str: ...  # noqa: D102

    @property
    def precision(self) -> str: ...  # noqa: D102


def exit_code(results: RunResults, gate: bool, known: Iterable[Expected] = ()) -> int:
    """Return 0, 1 or 3.

    1: `gate` and some cell fails unexpectedly, or one that is known to fail passes. 3: some cell is an ERROR or
    pending; with `gate` also where one is INCONCLUSIVE. A run without cells is incomplete:
    an empty matrix shows nothing.
    """
    expected = {(one.device, one.model, one.precision) for one in known}
    if gate and any(_breaks(cell, expected) for cell in results.cells):
        return GATE_BROKEN
    open_verdicts = {Verdict.ERROR, Verdict.INCONCLUSIVE} if gate else {Verdict.ERROR}
    if not results.cells or not results.complete or any(cell.verdict in open_verdicts for cell in results.cells):
        return INCOMPLETE
    return OK


def _breaks(cell: CellResult, expected: set[tuple[str, str, str]]) -> bool:
    known = (cell.key.device, cell.key.model, cell.key.precision) in expected
    return cell.verdict is (Verdict.PASS if known else Verdict.FAIL)
