"""Would another engine version repair it? Verdicts of one cell under several versions, oldest first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from packaging.version import InvalidVersion, Version

from harness.results import CellResult, Verdict

Row = tuple[str, str, str]
"""Device, model, precision."""


class Answer(StrEnum):
    """Whether a newer engine than the oldest one measured repairs a cell."""

    YES = "yes"
    NO = "no"
    WORSE = "no, it breaks it"
    FINE = "nothing to repair"
    OPEN = "not decided"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What the engine versions make of one cell.

    Attributes:
        cells: one an engine, oldest engine first.
        engine: the oldest version that repairs it (YES) or breaks it (WORSE); '' for other answers.
    """

    row: Row
    cells: tuple[CellResult, ...]
    answer: Answer
    engine: str = ""


def upgrades(cells: Iterable[CellResult]) -> tuple[Upgrade, ...]:
    """Return an answer for every device, model and precision that has cells of several engines, in their order.

    The question is asked from the oldest version on. What does not pass there (a FAIL, or a precision that is not in
    effect) is repaired by the first newer version that is PASS. Where none is, FAIL and N/A under all newer ones say
    no, and anything else leaves it open. What passes there is broken by the first newer version that is FAIL.
    """
    rows: dict[Row, list[CellResult]] = defaultdict(list)
    for cell in cells:
        rows[cell.key.device, cell.key.model, cell.key.precision].append(cell)
    return tuple(_asked(row, by_age(members)) for row, members in rows.items() if len(members) > 1)


def by_age(cells: Sequence[CellResult]) -> list[CellResult]:
    """Return cells with the oldest engine first; what is no version comes last."""
    return sorted(cells, key=lambda cell: _age(cell.key.engine))


def _asked(row: Row, cells: Sequence[CellResult]) -> Upgrade:
    oldest, newer = cells[0].verdict, cells[1:]
    if oldest is Verdict.PASS:
        broken = _first(newer, Verdict.FAIL)
        return Upgrade(row, tuple(cells), Answer.WORSE if broken else Answer.FINE, broken)
    if repaired := _first(newer, Verdict.PASS):
        # What was not measured, or not decided, is not known to be in need of repair.
        known = oldest in (Verdict.FAIL, Verdict.NA)
        return Upgrade(row, tuple(cells), Answer.YES if known else Answer.OPEN, repaired if known else "")
    settled = all(cell.verdict in (Verdict.FAIL, Verdict.NA) for cell in cells)
    return Upgrade(row, tuple(cells), Answer.NO if settled else Answer.OPEN)


def _first(cells: Iterable[CellResult], verdict: Verdict) -> str:
    return next((cell.key.engine for cell in cells if cell.verdict is verdict), "")


def _age(engine: str) -> tuple[bool, Version, str]:
    try:
        return False, Version(engine), engine
    except InvalidVersion:
        return True, Version("0"), engine
