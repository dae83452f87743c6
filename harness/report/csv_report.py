"""results.csv: one row a cell, for spreadsheets and data frames."""

import csv
import io
import math
from typing import Final

from harness.report.text import spreadsheet
from harness.results import CellResult, RunResults

_METRICS: Final = (
    "images", "nonfinite", "cosine_min", "cosine_median", "relative_l2_median", "max_abs", "top1_agreement",
    "top1_accuracy", "reference_accuracy", "accuracy_drop_points",
)  # fmt: skip
_TIMES: Final = ("first_ms", "median_ms", "p90_ms", "mad_ms", "stable", "emulated")

COLUMNS: Final = (
    "device", "model", "precision", "engine", "status", "verdict", "cause", "weights", "compute", "proven",
    "in_effect", *_METRICS, "drop_low", "drop_high", *_TIMES, "error", "blame", "reason",
)  # fmt: skip
"""The heading; columns are only ever added at the end."""


def render(results: RunResults) -> str:
    """Return results.csv; empty fields are values that do not exist, `inf` is infinite."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(cell) for cell in results.cells)
    return buffer.getvalue()


def _row(cell: CellResult) -> dict[str, str]:
    row: dict[str, object] = {**cell.key.model_dump(), "status": cell.status, "verdict": cell.verdict}
    row |= {"cause": cell.cause, "reason": cell.reason}
    if cell.effective is not None:
        row |= cell.effective.model_dump(include={"weights", "compute", "proven", "in_effect"})
    if cell.metrics is not None:
        row |= {name: getattr(cell.metrics, name) for name in _METRICS}
        row["drop_low"], row["drop_high"] = cell.metrics.accuracy_drop_interval or (None, None)
    if cell.timing is not None:
        row |= {name: getattr(cell.timing, name) for name in _TIMES}
    if cell.failure is not None:
        row |= {"error": cell.failure.code, "blame": cell.failure.problem.blame}
    return {name: _field(value) for name, value in row.items()}


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return str(value) if isinstance(value, int) else spreadsheet(value)
