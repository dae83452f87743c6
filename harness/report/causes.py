"""Why cells lose accuracy, with the figure that says so. Plain text, to be escaped by the renderer."""

from collections.abc import Sequence

from harness.report import numbers
from harness.results import Cause, CellResult, LossPart, Verdict

PARTS = (Cause.CONVERSION, Cause.QUANTISATION, Cause.ARITHMETIC, Cause.DEVICE)
"""The causes that `LossSplit` has a part for, in the order in which a file goes through them."""


def part(cell: CellResult, cause: Cause) -> LossPart | None:
    """Return the part of a cell's split that belongs to a cause; None where it was not measured."""
    found = getattr(cell.split, cause.value, None) if cell.split is not None and cause in PARTS else None
    return found if isinstance(found, LossPart) else None


def cause_of(cell: CellResult) -> Cause | None:
    """Return the cause of a loss: the cell's own, or where none is decided the dominant part of what was measured."""
    if cell.verdict is Verdict.INCONCLUSIVE and cell.split is not None:
        return cell.split.dominant
    return cell.cause


def because(cells: Sequence[CellResult]) -> str:
    """Return the figure behind the cause that some cells share; '' where none was measured.

    `relative L2 0.03 … 0.04`, with the fp16 floor where that was measured; images for outputs that are not finite.
    """
    cause = cause_of(cells[0]) if cells else None
    if cause is Cause.NON_FINITE:
        images = [float(cell.metrics.nonfinite) for cell in cells if cell.metrics is not None]
        return f"{numbers.between(images, _whole)} images" if images else ""
    parts = [found for cell in cells if cause is not None and (found := part(cell, cause)) is not None]
    if not parts:
        return ""
    words = f"relative L2 {numbers.between([one.relative_l2_median for one in parts], numbers.significant)}"
    floors = [cell.split.floor.relative_l2_median for cell in cells if cell.split and cell.split.floor]
    if cause is not Cause.ARITHMETIC or not floors:
        return words
    return f"{words}, of which fp16 itself must lose {numbers.between(floors, numbers.significant)}"


def _whole(value: float) -> str:
    return f"{value:.0f}"
