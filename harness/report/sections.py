"""The sections of report.md about verdicts: the matrix, what explains it, what was not decided or measured."""

from harness.report import known, names
from harness.report.cell_table import cell_table, head
from harness.report.grid import grid
from harness.report.marks import Kind, shown
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, RunResults, Verdict

_LEGEND = {
    Kind.PASS: "keeps its accuracy",
    Kind.FAIL: "loses it",
    Kind.OPEN: "INCONCLUSIVE: not decided, no pass",
    Kind.ASTRAY: "did not run as asked, what ran is named: no pass",
    Kind.PARTLY: "ran only partly as asked",
    Kind.NOT_RUN: "cannot be run there",
    Kind.ERROR: "not measured",
}


def matrix(results: RunResults, model: str) -> str:
    """Return the matrix of a model."""
    shape = grid(results, model)
    rows = [[markdown(names.device(device)), *map(_matrix_cell, cells)] for device, cells in shape.rows]
    return table(["device", *map(markdown, shape.columns)], rows)


def legend(results: RunResults) -> str:
    """Return what the marks mean that this run shows."""
    seen = {shown(cell).kind.mark for cell in results.cells}
    marks = [f"{kind.mark} {words}" for kind, words in _LEGEND.items() if kind.mark in seen]
    change = "Points are the change of top-1 accuracy against onnxruntime fp32 on the same images"
    return f"{' · '.join(marks)}. {change} (without labels: share of images with the same top-1)." if marks else ""


def reasons(results: RunResults) -> str:
    """Return why cells fail, and every remark on a PASS."""
    judged = [cell for cell in results.cells if cell.verdict in (Verdict.PASS, Verdict.FAIL)]
    cells = [cell for cell in judged if cell.verdict is Verdict.FAIL or cell.reason or _note(cell)]
    return cell_table(cells, results, ["why", "cause", "note"], _reason)


def unmeasured(results: RunResults) -> str:
    """Return every cell that is no PASS or FAIL, with reason, blame and advice."""
    cells = [cell for cell in results.cells if cell.verdict not in (Verdict.PASS, Verdict.FAIL)]
    return cell_table(cells, results, ["why", "blame", "what to do"], _why)


def _matrix_cell(cell: CellResult | None) -> str:
    if cell is None:
        return ""
    words = shown(cell)
    return " · ".join([head(words), *map(markdown, words.rest)])


def _reason(cell: CellResult) -> list[str]:
    return [markdown(cell.reason), str(cell.cause or ""), markdown(_note(cell))]


def _note(cell: CellResult) -> str:
    ran = cell.effective.note if cell.effective else ""
    return "; ".join(part for part in (known.words(cell), ran) if part and part != cell.reason)


def _why(cell: CellResult) -> list[str]:
    problem = cell.failure.problem if cell.failure else None
    why = f"{problem.code}: {cell.reason}" if problem else cell.reason
    said = "; ".join(part for part in (why, known.words(cell)) if part)
    return [markdown(part) for part in (said, str(problem.blame) if problem else "", _advice(cell))]


def _advice(cell: CellResult) -> str:
    if cell.failure is not None:
        return cell.failure.problem.what_to_do
    needed = cell.certainty.images_needed if cell.certainty else None
    if cell.verdict is Verdict.INCONCLUSIVE and needed:
        return f"measure about {needed} images (sampling: max_images)"
    return ""
