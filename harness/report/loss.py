"""The section of report.md on where losses come from, part by part."""

from harness.report import numbers
from harness.report.causes import PARTS
from harness.report.cell_table import cell_table
from harness.report.text import markdown
from harness.results import CellResult, LossPart, LossSplit, RunResults

LEGEND = (
    "Each part is measured by itself: relative L2 (median over the images), images whose top-1 flips, points of"
    " accuracy lost. The parts need not add up. conversion: fp32 .mnn against onnxruntime, both on the coordinator;"
    " quantisation: this variant's file against the fp32 file, both on the coordinator; arithmetic: the device"
    " against the coordinator, same file; device: against its peers; fp16 floor: what rounding to float16 costs in"
    " onnxruntime, which no fp16 engine can avoid."
)


def split(results: RunResults) -> str:
    """Return the split of every cell that has one; '' where none has."""
    cells = [cell for cell in results.cells if cell.split is not None and cell.split != LossSplit()]
    headings = [*(str(cause) for cause in PARTS), "fp16 floor", "dominant", "note"]
    return cell_table(cells, results, headings, _row)


def figures(part: LossPart | None) -> str:
    """Return a part as `0.0302 (4 of 60 flip, 5.0 pt lost)`; a dash where it was not measured."""
    if part is None:
        return numbers.NONE
    lost = "" if part.drop_points is None else f", {numbers.signed(-part.drop_points)} pt"
    return f"{numbers.significant(part.relative_l2_median)} ({part.flips} of {part.images} flip{lost})"


def _row(cell: CellResult) -> list[str]:
    split = cell.split
    if split is None:
        return []
    parts = [split.conversion, split.quantisation, split.arithmetic, split.device, split.floor]
    return [*map(figures, parts), str(split.dominant or ""), markdown(split.note)]
