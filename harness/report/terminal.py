"""The matrix in a terminal: coloured, and readable without colour since every verdict is a word."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.report import names
from harness.report.grid import detail, grid
from harness.report.summary import sentences
from harness.report.text import plain
from harness.results import CellResult, DeviceResult, RunResults, Verdict

_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.NA: "cyan",
    Verdict.ERROR: "bold magenta",
}


def render(results: RunResults) -> RenderableType:
    """Return the summary and one matrix a model."""
    parts: list[RenderableType] = [_sentence(heading, text) for heading, text in sentences(results)]
    parts += [_matrix(results, model.name) for model in results.models]
    return Group(*parts)


def show(results: RunResults, console: Console) -> None:
    """Print what `render` returns."""
    console.print(render(results))


def _sentence(heading: str, text: str) -> Text:
    # Text instead of markup: what a device calls itself must not be able to colour the page.
    return Text.assemble((f"{heading}: ", "bold"), plain(text, 2000))


def _matrix(results: RunResults, model: str) -> Table:
    shape = grid(results, model)
    table = Table(
        title=Text(plain(model), style="bold"), title_justify="left", show_lines=True, box=box.SQUARE, padding=(0, 0)
    )
    for heading in ("device", *shape.columns):
        table.add_column(_heading(heading), overflow="fold")
    for device, cells in shape.rows:
        table.add_row(*_row(device, cells))
    return table


def _row(device: DeviceResult, cells: Sequence[CellResult | None]) -> list[Text]:
    words = (device.name, names.isa(device), "emulated" if device.emulated else "")
    return [Text("\n".join(plain(word) for word in words if word)), *map(_cell, cells)]


def _heading(text: str) -> Text:
    # Seven precisions fit into eighty columns only if their names break where they are made of parts.
    return Text(plain(text).replace("-", "-\n"))


def _cell(cell: CellResult | None) -> Text:
    if cell is None:
        return Text("")
    lines = [plain(detail(cell)), plain(names.ran_briefly(cell))]
    words = "\n".join(line for line in lines if line)
    return Text.assemble((names.word(cell.verdict), _STYLES[cell.verdict]), f"\n{words}" if words else "")
