"""What changed between two runs, as Markdown; a cell's mark and words are those of the matrix."""

from collections.abc import Iterable, Sequence

from harness.judge.diff import CellChange, RunDiff
from harness.judge.moved import MINIMAL_CHANGE, SIGMAS, TimingChange
from harness.report import known, names, numbers
from harness.report.cell_table import head
from harness.report.marks import shown
from harness.report.places import merged
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, RunResults

_NOISE = (
    f"Listed are medians that moved by more than {SIGMAS:g} standard deviations of single inferences (estimated from"
    f" both MADs) and by more than {100 * MINIMAL_CHANGE:g} %; both timings are stable and from the same device."
)
_EMULATED = (
    "Emulated timings say nothing about hardware; they are listed for completeness and are never worse or better."
)
_KEY = ("device", "model", "precision")


def render(found: RunDiff) -> str:
    """Return the whole page; equal runs give equal bytes."""
    parts = ["# What changed between two runs", f"**{headline(found)}**", _runs(found)]
    for heading, cells in (
        ("Worse", [cell for cell in found.cells if cell.worse]),
        ("Better", [cell for cell in found.cells if cell.better]),
        ("Changed, neither worse nor better", [cell for cell in found.cells if not (cell.worse or cell.better)]),
    ):
        parts += _section(heading, _cells(cells, found))
    parts += _timings(found)
    parts += _section("Only in A", _only(found.only_before, found.before))
    parts += _section("Only in B", _only(found.only_after, found.after))
    parts += _section("What else differs", _settings(found))
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(found: RunDiff) -> str:
    """Return one sentence with every count."""
    worse, better = sum(cell.worse for cell in found.cells), sum(cell.better for cell in found.cells)
    slower, emulated = sum(one.worse for one in found.timings), sum(one.after.emulated for one in found.timings)
    faster = len(found.timings) - slower - emulated
    verdict = "Something changed for the worse" if found.worse else "Nothing changed for the worse"
    return (
        f"{verdict}: of {found.compared} cells in both runs {worse} are worse, {better} better,"
        f" {len(found.cells) - worse - better} otherwise changed; {len(found.only_before)} are only in A,"
        f" {len(found.only_after)} only in B; of {found.timed} timings that may be compared {slower} are slower and"
        f" {faster} faster on hardware, {emulated} moved on emulated boards."
    )


def _runs(found: RunDiff) -> str:
    lines = [f"- {letter}: {_run(run)}" for letter, run in (("A", found.before), ("B", found.after))]
    if found.across_engines:
        lines.append("- The runs have different engines; their cells are compared across them.")
    return "\n".join(lines)


def _run(run: RunResults) -> str:
    return markdown(f"run {run.id}, {run.started}, MNN {', '.join(run.engines)}, {len(run.cells)} cells")


def _cells(changes: Sequence[CellChange], found: RunDiff) -> str:
    rows = merged((markdown(one.after.key.device), _cell(one, found)) for one in changes)
    return table([*_KEY, "A", "B", "what changed", "why"], rows) if rows else ""


def _cell(change: CellChange, found: RunDiff) -> list[str]:
    why = "; ".join(part for part in (change.after.reason, known.words(change.after)) if part)
    sides = [_side(change.before), _side(change.after)]
    return [*_where(change.after, found.after), *sides, markdown(", ".join(change.what)), markdown(why)]


def _side(cell: CellResult) -> str:
    words = shown(cell)
    ran = f"{names.ran(cell)}, {cell.effective.extent}" if cell.effective else ""
    cause = "" if cell.cause is None or str(cell.cause) in words.rest else str(cell.cause)
    return " · ".join([head(words), *(markdown(part) for part in (*words.rest, cause, ran) if part)])


def _where(cell: CellResult, run: RunResults) -> list[str]:
    return [markdown(cell.key.model), markdown(names.column(cell.key.precision, cell.key.engine, run))]


def _timings(found: RunDiff) -> Iterable[str]:
    hardware = [one for one in found.timings if not one.after.emulated]
    emulated = [one for one in found.timings if one.after.emulated]
    yield from _section("Timings that moved", _timing_table(hardware, found), _NOISE)
    yield from _section(
        "Timings of emulated boards that moved", _timing_table(emulated, found), f"{_EMULATED} {_NOISE}"
    )


def _timing_table(changes: Sequence[TimingChange], found: RunDiff) -> str:
    headings = [*_KEY, "change", "A, median ms", "B, median ms", "difference, ms", "noise, ms"]
    return table(headings, [_timing(one, found) for one in changes], range(4, 8)) if changes else ""


def _timing(one: TimingChange, found: RunDiff) -> list[str]:
    share = numbers.signed(100.0 * one.change_ms / one.before.median_ms)
    word = "slower" if one.change_ms > 0 else "faster"
    change = f"{word}, emulated, {share} %" if one.after.emulated else f"{word}, {share} %"
    where = [one.key.device, one.key.model, names.column(one.key.precision, one.key.engine, found.after)]
    times = [one.before.median_ms, one.after.median_ms, one.change_ms, one.noise_ms]
    return [*map(markdown, where), f"**{change}**" if one.worse else change, *map(numbers.fixed, times)]


def _only(cells: Sequence[CellResult], run: RunResults) -> str:
    rows = merged((markdown(cell.key.device), [*_where(cell, run), _side(cell)]) for cell in cells)
    return table([*_KEY, "verdict"], rows) if rows else ""


def _settings(found: RunDiff) -> str:
    rows = [list(map(markdown, setting)) for setting in found.settings]
    return table(["what", "A", "B"], rows) if rows else ""


def _section(heading: str, body: str, explanation: str = "") -> list[str]:
    return [f"## {heading}", explanation, body] if body else []
