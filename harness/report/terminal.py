"""The matrix in a terminal: coloured, and readable without colour since every verdict is a mark and a word."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from harness.report import names, summary
from harness.report.grid import Grid, grid
from harness.report.marks import Kind, shown
from harness.report.sections import legend
from harness.report.text import plain
from harness.results import CellResult, DeviceResult, RunResults

_STYLES = {
    Kind.PASS: "green",
    Kind.PARTLY: "bold yellow",
    Kind.SURPRISE: "bold yellow",
    Kind.FAIL: "bold red",
    Kind.OPEN: "bold yellow",
    Kind.ASTRAY: "bold cyan",
    Kind.NOT_RUN: "cyan",
    Kind.ERROR: "bold magenta",
}
_WIDEST: Final = 18
_COMPACT_FROM: Final = 16
"""From so many devices on, a device is one line."""

_LONG: Final = 8000


class Page:
    """The three sentences, the counts, and one matrix a model, as wide as the terminal."""

    def __init__(self, results: RunResults) -> None:
        self._results = results

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the page out for the width there is."""
        results = self._results
        # Text instead of markup: what a device calls itself must not be able to colour the page.
        yield from (Text(plain(sentence, _LONG)) for sentence in summary.three(results))
        yield Text(plain(summary.counts(results)), style="bold")
        yield from (Text(f"! {plain(alarm, _LONG)}", style="bold yellow") for alarm in summary.alarms(results))
        for model in results.models:
            yield from _matrix(grid(results, model.name), options.max_width)
        yield Text(plain(legend(results), _LONG))


def show(results: RunResults, console: Console) -> None:
    """Print the page."""
    console.print(Page(results))


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A matrix as texts: headings, and for each device its name and its cells."""

    title: str
    headings: tuple[Text, ...]
    rows: tuple[tuple[Text, tuple[Text, ...]], ...]
    lines: bool

    def width(self, index: int) -> int:
        """Return how many characters a column takes."""
        return _width([self.headings[index], *(cells[index] for _, cells in self.rows)])

    def blocks(self, width: int) -> Iterable[range]:
        """Yield runs of columns that fit side by side, at least one each."""
        names = _width([Text("device"), *(device for device, _ in self.rows)]) + 2
        start = 0
        while start < len(self.headings):
            end, used = start + 1, names + self.width(start) + 1
            while end < len(self.headings) and used + self.width(end) + 1 <= width:
                used += self.width(end) + 1
                end += 1
            yield range(start, end)
            start = end


def _matrix(shape: Grid, width: int) -> Iterable[Table]:
    """Yield the matrix, its columns spread over several tables where one would be wider than the terminal."""
    sheet = _sheet(shape)
    for block in sheet.blocks(width):
        title = sheet.title if block.start == 0 else f"{sheet.title}, continued"
        table = Table(
            title=Text(title, style="bold"),
            title_justify="left",
            show_lines=sheet.lines,
            box=box.SQUARE,
            padding=(0, 0),
        )
        for heading in (Text("device"), *(sheet.headings[index] for index in block)):
            table.add_column(heading, overflow="fold", max_width=_WIDEST)
        for device, cells in sheet.rows:
            table.add_row(device, *(cells[index] for index in block))
        yield table


def _sheet(shape: Grid) -> _Sheet:
    brief = len(shape.rows) >= _COMPACT_FROM
    # Names of precisions break where they are made of parts, so that more columns fit side by side.
    headings = tuple(Text(plain(heading).replace("-", "-\n")) for heading in shape.columns)
    cell = _line if brief else _cell
    rows = tuple((_device(device, brief), tuple(map(cell, cells))) for device, cells in shape.rows)
    return _Sheet(plain(shape.model), headings, rows, lines=not brief)


def _width(texts: Iterable[Text]) -> int:
    return min(_WIDEST, max((len(line) for text in texts for line in text.plain.split("\n")), default=0))


def _device(device: DeviceResult, brief: bool) -> Text:
    words = (device.name,) if brief else (device.name, names.isa(device), "emulated" if device.emulated else "")
    return Text("\n".join(plain(word) for word in words if word))


def _cell(cell: CellResult | None) -> Text:
    if cell is None:
        return Text("")
    words = shown(cell)
    rest = "\n".join(map(plain, words.rest))
    return Text.assemble((words.head.replace(", ", ",\n"), _STYLES[words.kind]), f"\n{rest}" if rest else "")


def _line(cell: CellResult | None) -> Text:
    """Return a cell in one line: mark and verdict, and what matters most as far as there is room."""
    if cell is None:
        return Text("")
    words = shown(cell)
    head = f"{words.kind.mark} {names.word(cell.verdict)}"
    more = f" {plain(words.rest[0])}" if words.rest else ""
    return Text.assemble((head, _STYLES[words.kind]), more if len(head + more) <= _WIDEST else "")
