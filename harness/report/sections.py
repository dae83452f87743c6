"""The sections of report.md about accuracy: summary, matrix, the numbers behind it, what was not measured."""

from harness.report import names, numbers
from harness.report.grid import detail, grid
from harness.report.summary import sentences
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, RunResults, Verdict

_LOUD = {Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR}


def summary(results: RunResults) -> str:
    """Return the first sentences as a list."""
    return "\n".join(f"- **{heading}:** {markdown(text, 2000)}" for heading, text in sentences(results))


def matrix(results: RunResults, model: str) -> str:
    """Return the matrix of a model."""
    shape = grid(results, model)
    rows = [[markdown(names.device(device)), *map(_matrix_cell, cells)] for device, cells in shape.rows]
    return table(["device", *map(markdown, shape.columns)], rows)


def figures(results: RunResults, model: str) -> str:
    """Return the numbers behind the matrix, one row a cell that has some; '' where none has."""
    cells = [cell for cell in results.cells if cell.key.model == model and cell.metrics is not None]
    labelled = any(cell.metrics and cell.metrics.top1_accuracy is not None for cell in cells)
    accuracy = ["top-1", "reference top-1", "drop, points", "interval"] if labelled else []
    headings = ["device", "precision", "verdict", "images", "not finite", "rel. L2 median", "cosine median",
                "cosine min", "max. abs.", "agreement", "interval, %", *accuracy]  # fmt: skip
    rows = [_figures(cell, results, labelled) for cell in cells]
    return table(headings, rows, range(3, len(headings))) if rows else ""


def unmeasured(results: RunResults) -> str:
    """Return every cell that is not a plain PASS or measured FAIL, with reason, blame and advice."""
    cells = [cell for cell in results.cells if cell.verdict not in (Verdict.PASS, Verdict.FAIL)]
    headings = ["device", "model", "precision", "verdict", "why", "blame", "what to do"]
    return table(headings, (_why(cell, results) for cell in cells)) if cells else ""


def reasons(results: RunResults) -> str:
    """Return one line for every FAIL and every remark on a PASS."""
    judged = [cell for cell in results.cells if cell.verdict in (Verdict.PASS, Verdict.FAIL) and cell.reason]
    return "\n".join(
        f"- {markdown(names.cell(cell))}: {_word(cell.verdict)}, {markdown(cell.reason)}"
        + (f" (cause: {cell.cause})" if cell.cause else "")
        for cell in judged
    )


def _matrix_cell(cell: CellResult | None) -> str:
    if cell is None:
        return ""
    parts = [_word(cell.verdict), markdown(detail(cell)), markdown(names.ran_words(cell))]
    return " · ".join(part for part in parts if part)


def _word(verdict: Verdict) -> str:
    return f"**{names.word(verdict)}**" if verdict in _LOUD else names.word(verdict)


def _figures(cell: CellResult, results: RunResults, labelled: bool) -> list[str]:
    found = cell.metrics
    if found is None:
        return []
    column = names.column(cell.key.precision, cell.key.engine, results)
    row = [markdown(cell.key.device), markdown(column), _word(cell.verdict), str(found.images), str(found.nonfinite)]
    row += [numbers.significant(found.relative_l2_median), numbers.cosine(found.cosine_median)]
    row += [numbers.cosine(found.cosine_min), numbers.significant(found.max_abs)]
    row += [numbers.percent(found.top1_agreement), numbers.span(found.agreement_interval, 100.0)]
    if labelled:
        row += [numbers.percent(found.top1_accuracy), numbers.percent(found.reference_accuracy)]
        row += [numbers.fixed(found.accuracy_drop_points), numbers.interval(found.accuracy_drop_interval)]
    return row


def _why(cell: CellResult, results: RunResults) -> list[str]:
    problem = cell.failure.problem if cell.failure else None
    column = names.column(cell.key.precision, cell.key.engine, results)
    why = f"{problem.code}: {cell.reason}" if problem else cell.reason
    blame = [str(problem.blame), problem.what_to_do] if problem else ["", ""]
    return [
        *map(markdown, (cell.key.device, cell.key.model, column)),
        _word(cell.verdict),
        *map(markdown, (why, *blame)),
    ]
