"""results.csv: one row a cell, for spreadsheets and data frames."""

import csv
import io
import math
from collections.abc import Mapping
from typing import Final

from harness.report.names import key
from harness.report.text import spreadsheet
from harness.results import CellResult, LossSplit, Peers, RunResults

_METRICS: Final = (
    "images", "nonfinite", "cosine_min", "cosine_median", "relative_l2_median", "max_abs", "top1_agreement",
    "top1_accuracy", "reference_accuracy", "accuracy_drop_points",
)  # fmt: skip
_TIMES: Final = ("first_ms", "median_ms", "p90_ms", "mad_ms", "stable", "emulated")
_PARTS: Final = ("conversion", "quantisation", "arithmetic", "device", "floor")
_PART_FIGURES: Final = ("images", "relative_l2_median", "flips", "drop_points")
_SPLIT: Final = tuple(f"{part}_{figure}" for part in _PARTS for figure in _PART_FIGURES)

COLUMNS: Final = (
    "device", "model", "precision", "engine", "status", "verdict", "cause", "weights", "compute", "proven",
    "in_effect", *_METRICS, "drop_low", "drop_high", *_TIMES, "error", "blame", "reason",
    "extent", "share", "proof", "fallbacks", "agreement_low", "agreement_high", "confidence", "method", "decided_at",
    "images_needed", "shared_with", *_SPLIT, "dominant", "split_note", "flips", "flip_margin_min",
    "flip_margin_max", "peers_equal", "peers_unequal", "peer_odd", "numeric_relative_l2", "numeric_cosine",
    "timing_drift", "timing_grade", "expected", "asked_equal", "asked_unequal", "asked_odd",
)  # fmt: skip
"""The heading; columns are only ever added at the end. Names are those of `harness.results`; lists are joined by
semicolons; floor is that of fp16, `<part>_…` the split of the loss, `flips` a count."""


def render(results: RunResults) -> str:
    """Return results.csv; empty fields are values that do not exist, `inf` is infinite."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(cell) for cell in results.cells)
    return buffer.getvalue()


def _row(cell: CellResult) -> dict[str, str]:
    row: dict[str, object] = {**cell.key.model_dump(), "status": cell.status, "verdict": cell.verdict}
    row |= {"cause": cell.cause, "reason": cell.reason, "expected": cell.expected}
    row |= {"shared_with": key(cell.shared_with) if cell.shared_with else None}
    for part in (_ran(cell), _measured(cell), _sure(cell), _split(cell.split), _flips(cell), _peers(cell.peers)):
        row |= part
    if cell.failure is not None:
        row |= {"error": cell.failure.code, "blame": cell.failure.problem.blame}
    return {name: _field(value) for name, value in row.items()}


def _ran(cell: CellResult) -> Mapping[str, object]:
    found = cell.effective
    if found is None:
        return {}
    plain = found.model_dump(include={"weights", "compute", "proven", "in_effect", "extent", "share"})
    return {**plain, "proof": ";".join(found.proof), "fallbacks": ";".join(one.name for one in found.fallbacks)}


def _measured(cell: CellResult) -> Mapping[str, object]:
    row: dict[str, object] = {}
    if cell.metrics is not None:
        row |= {name: getattr(cell.metrics, name) for name in _METRICS}
        row["drop_low"], row["drop_high"] = cell.metrics.accuracy_drop_interval or (None, None)
        row["agreement_low"], row["agreement_high"] = cell.metrics.agreement_interval or (None, None)
    if cell.timing is not None:
        row |= {name: getattr(cell.timing, name) for name in _TIMES}
        row |= {"timing_drift": cell.timing.drift, "timing_grade": cell.timing.grade}
    if cell.numeric is not None:
        row |= {"numeric_relative_l2": cell.numeric.relative_l2, "numeric_cosine": cell.numeric.cosine}
    return row


def _sure(cell: CellResult) -> Mapping[str, object]:
    return cell.certainty.model_dump() if cell.certainty else {}


def _split(split: LossSplit | None) -> Mapping[str, object]:
    if split is None:
        return {}
    parts = {name: part for name in _PARTS if (part := getattr(split, name)) is not None}
    figures = {f"{name}_{one}": getattr(part, one) for name, part in parts.items() for one in _PART_FIGURES}
    return {**figures, "dominant": split.dominant, "split_note": split.note}


def _flips(cell: CellResult) -> Mapping[str, object]:
    if cell.metrics is None:
        return {}
    margins = [flip.margin for flip in cell.flips]
    ends = {"flip_margin_min": min(margins), "flip_margin_max": max(margins)} if margins else {}
    return {"flips": len(margins), **ends}


def _peers(peers: Peers | None) -> Mapping[str, object]:
    if peers is None:
        return {}
    return {
        "peers_equal": ";".join(peers.equal),
        "peers_unequal": ";".join(peers.unequal),
        "peer_odd": peers.odd,
        "asked_equal": ";".join(peers.asked_equal),
        "asked_unequal": ";".join(peers.asked_unequal),
        "asked_odd": peers.asked_odd,
    }


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return str(value) if isinstance(value, int) else spreadsheet(value)
