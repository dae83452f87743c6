"""The section of report.md on engine versions: each version's verdict, and whether upgrading would repair it."""

from typing import Final

from harness.judge.upgrade import Upgrade, by_age, upgrades
from harness.report.cell_table import head
from harness.report.marks import shown
from harness.report.places import merged
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, RunResults

LEGEND: Final = (
    "The same model, weights and precision under each engine version. *Would upgrading fix it?* is asked from the"
    " oldest version on: yes names the first newer one under which the cell passes."
)


def engines(results: RunResults) -> str:
    """Return the table; '' where the run has one engine version."""
    found = upgrades(results.cells)
    if not found:
        return ""
    versions = list(dict.fromkeys(cell.key.engine for cell in by_age(results.cells)))
    rows = merged((markdown(one.row[0]), [*map(markdown, one.row[1:]), *_row(one, versions)]) for one in found)
    headings = ["device", "model", "precision", *(f"MNN {version}" for version in versions)]
    return table([*map(markdown, headings), "would upgrading fix it?"], rows)


def _row(one: Upgrade, versions: list[str]) -> list[str]:
    by_version = {cell.key.engine: cell for cell in one.cells}
    answer = f"**{one.answer}: MNN {one.engine}**" if one.engine else str(one.answer)
    return [*(_words(by_version.get(version)) for version in versions), answer]


def _words(cell: CellResult | None) -> str:
    if cell is None:
        return ""
    words = shown(cell)
    return " · ".join([head(words), *map(markdown, words.rest[:1])])
