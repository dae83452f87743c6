"""Speed-up against fp32, only where it means something."""

from harness.results import CellResult, RunResults, Timing

BASELINE = "fp32"


def speed_up(cell: CellResult, results: RunResults) -> float | None:
    """Return median(fp32) / median(cell) on the same device, model and engine.

    None for the fp32 cell itself, on emulated boards, unless both timings are stable, and unless
    both cells are known to have run at their precision.
    """
    if cell.key.precision == BASELINE:
        return None
    key = cell.key.model_copy(update={"precision": BASELINE})
    same = (other for other in results.cells if other.key.precision == BASELINE and other.key == key)
    baseline = next(same, None)
    own, base = _sound(cell), _sound(baseline)
    return base.median_ms / own.median_ms if own and base else None


def _sound(cell: CellResult | None) -> Timing | None:
    if cell is None or cell.timing is None or cell.effective is None:
        return None
    trusted = cell.effective.in_effect is True and cell.timing.stable and not cell.timing.emulated
    return cell.timing if trusted else None
