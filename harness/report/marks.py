"""What a cell of the matrix shows: a mark and words, so that nothing rests on colour alone. Plain text."""

from dataclasses import dataclass
from enum import Enum

from harness.report import names, numbers
from harness.report.grid import detail
from harness.report.known import expected_failure, passes_now
from harness.results import CellResult, Extent, Verdict


class Kind(Enum):
    """What is to be seen at a glance: (mark, whether it is loud)."""

    PASS = "\N{CHECK MARK}", False
    PARTLY = "\N{ALMOST EQUAL TO}", True
    SURPRISE = "\N{CHECK MARK}", True
    FAIL = "\N{BALLOT X}", True
    OPEN = "?", True
    ASTRAY = "\N{NOT EQUAL TO}", True
    NOT_RUN = "\N{EN DASH}", False
    ERROR = "!", True

    @property
    def mark(self) -> str:
        """One character; the same kind is never shown by two, and no two verdicts share one."""
        return self.value[0]

    @property
    def loud(self) -> bool:
        """Whether it must not be overlooked."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as shown: `✗ FAIL` is the head, the change of accuracy and what else matters follow."""

    kind: Kind
    head: str
    rest: tuple[str, ...]


def shown(cell: CellResult) -> Shown:
    """Return what the matrix shows of a cell."""
    found = kind(cell)
    rest = (detail(cell), _shared(cell), _ran(cell), _cause(cell), _needed(cell))
    return Shown(found, f"{found.mark} {_word(cell, found)}", tuple(part for part in rest if part))


def kind(cell: CellResult) -> Kind:
    """Return what is to be seen at a glance."""
    if cell.verdict is Verdict.NA:
        return Kind.ASTRAY if not_as_asked(cell) else Kind.NOT_RUN
    if cell.verdict is Verdict.PASS and passes_now(cell):
        return Kind.SURPRISE
    if cell.verdict is Verdict.PASS and partly(cell):
        return Kind.PARTLY
    plain = {
        Verdict.PASS: Kind.PASS,
        Verdict.FAIL: Kind.FAIL,
        Verdict.INCONCLUSIVE: Kind.OPEN,
        Verdict.ERROR: Kind.ERROR,
    }
    return plain[cell.verdict]


def not_as_asked(cell: CellResult) -> bool:
    """Tell whether a cell ran, but not at its precision."""
    return cell.verdict is Verdict.NA and cell.effective is not None and cell.effective.in_effect is False


def partly(cell: CellResult) -> bool:
    """Tell whether only a part of a cell's operators ran as asked."""
    return cell.effective is not None and cell.effective.extent is Extent.PARTLY


def _word(cell: CellResult, found: Kind) -> str:
    if found is Kind.SURPRISE:
        return "PASS, but known to FAIL"
    if found is Kind.PARTLY:
        return "PASS, partly as asked"
    if found is Kind.ASTRAY:
        return "N/A, not as asked"
    return f"{names.word(cell.verdict)} (expected)" if expected_failure(cell) else names.word(cell.verdict)


def _ran(cell: CellResult) -> str:
    if not_as_asked(cell) or not partly(cell) or cell.effective is None:
        return names.ran_briefly(cell)
    share = cell.effective.share
    return "partly as asked" if share is None else f"{numbers.percent(share)} ran as asked"


def _shared(cell: CellResult) -> str:
    # The figure is that of few images, the verdict that of the cell named.
    return f"equal to the bit to {cell.shared_with.device}" if cell.shared_with else ""


def _cause(cell: CellResult) -> str:
    return str(cell.cause) if cell.verdict is Verdict.FAIL and cell.cause else ""


def _needed(cell: CellResult) -> str:
    needed = cell.certainty.images_needed if cell.certainty else None
    return f"needs about {needed} images" if cell.verdict is Verdict.INCONCLUSIVE and needed else ""
