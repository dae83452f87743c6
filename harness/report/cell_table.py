"""One way to make a table with a row for each cell, devices that say the same in one row."""

from collections.abc import Callable, Iterable, Sequence

from harness.report import names
from harness.report.marks import Shown, shown
from harness.report.places import merged
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, RunResults

_KEY = ("device", "model", "precision", "verdict")


def cell_table(
    cells: Iterable[CellResult],
    results: RunResults,
    headings: Sequence[str],
    rest: Callable[[CellResult], Sequence[str]],
    right: Iterable[int] = (),
) -> str:
    """Return a table of device, model, precision, verdict and then what `rest` makes of a cell; '' without cells.

    `rest` gives escaped words, one for each heading; `right` are those of them that are aligned right, from 0.
    """
    rows = merged((markdown(cell.key.device), [*_key(cell, results), *rest(cell)]) for cell in cells)
    return table([*_KEY, *headings], rows, [len(_KEY) + index for index in right]) if rows else ""


def head(words: Shown) -> str:
    """Return mark and verdict for Markdown, bold where it must not be overlooked."""
    return f"**{words.head}**" if words.kind.loud else words.head


def _key(cell: CellResult, results: RunResults) -> list[str]:
    column = names.column(cell.key.precision, cell.key.engine, results)
    return [markdown(cell.key.model), markdown(column), head(shown(cell))]
