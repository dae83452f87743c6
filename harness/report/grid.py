"""The matrix of one model: rows are devices, columns are precisions (and engines)."""

from dataclasses import dataclass

from harness.evidence import CellKey
from harness.report import names, numbers
from harness.results import CellResult, DeviceResult, RunResults, Status, Verdict


@dataclass(frozen=True, slots=True)
class Grid:
    """Headings and cells; a missing cell (not planned) is None."""

    model: str
    columns: tuple[str, ...]
    rows: tuple[tuple[DeviceResult, tuple[CellResult | None, ...]], ...]


def grid(results: RunResults, model: str) -> Grid:
    """Arrange the cells of a model; columns and rows without any cell are left out."""
    cells = {cell.key: cell for cell in results.cells if cell.key.model == model}
    pairs = [(p, e) for p in results.precisions for e in results.engines if _any(cells, p, e)]
    columns = tuple(names.column(precision, engine, results) for precision, engine in pairs)
    rows = []
    for device in results.devices:
        keys = [CellKey(device=device.name, model=model, precision=p, engine=e) for p, e in pairs]
        row = tuple(cells.get(key) for key in keys)
        if any(cell is not None for cell in row):
            rows.append((device, row))
    return Grid(model, columns, tuple(rows))


def detail(cell: CellResult) -> str:
    """Return what stands beside the verdict: the accuracy change or agreement, or why there is none."""
    if cell.status is Status.PENDING:
        return "not measured yet"
    if cell.verdict is Verdict.ERROR:
        return str(cell.failure.code) if cell.failure else "error"
    if cell.effective is not None and cell.effective.in_effect is False:
        return ""  # the change belongs to another precision; what ran is shown instead
    if cell.metrics is None:
        return "unsupported" if cell.verdict is Verdict.NA else ""
    if cell.metrics.nonfinite:
        return f"{cell.metrics.nonfinite} of {cell.metrics.images} not finite"
    return change(cell)


def change(cell: CellResult) -> str:
    """Return the accuracy change in points, or (without labels) the agreement with the reference."""
    if cell.metrics is None:
        return ""
    if cell.metrics.accuracy_drop_points is not None:
        return f"{numbers.signed(0.0 - cell.metrics.accuracy_drop_points)} pt"
    return f"agrees {numbers.percent(cell.metrics.top1_agreement)}"


def _any(cells: dict[CellKey, CellResult], precision: str, engine: str) -> bool:
    return any(key.precision == precision and key.engine == engine for key in cells)
