"""What came of a repair on a device, and which of several is best. Pure."""

from collections.abc import Sequence

from harness.diagnose.look import Seen
from harness.diagnose.remedies import Kind, Repair
from harness.diagnose.settings import settings
from harness.diagnosis import Remedy
from harness.evidence import CellKey
from harness.results import CellResult, RunResults, Verdict


def outcome(
    repair: Repair, cell: CellResult, seen: Seen, results: RunResults, like: Sequence[str] = ()
) -> Remedy | None:
    """Return what came of a repair for a cell; None where it was not measured.

    Args:
        repair: what was tried.
        cell: the one that loses accuracy.
        seen: the look in which it was tried.
        results: of the run, for times in fp32.
        like: devices with the same instruction set; where the repair was dealt to one of them, that one stands for
            the cell's own, and the key of what is returned says so.
    """
    measured = (_cell(repair, device, seen.results) for device in (cell.key.device, *like))
    found = next((one for one in measured if one is not None), None)
    if found is None:
        return None
    threads = next((one.threads for one in seen.stored.devices if one.name == cell.key.device), 1)
    ran, metrics, timing = found.effective, found.metrics, found.timing
    on_hardware = timing if timing is not None and not timing.emulated else None
    return Remedy(
        kind=str(repair.kind),
        title=repair.title,
        key=found.key,
        verdict=found.verdict,
        reason=found.reason,
        drop_points=None if metrics is None else metrics.accuracy_drop_points,
        relative_l2=None if metrics is None else metrics.relative_l2_median,
        images=0 if metrics is None else metrics.images,
        reduced_share=_reduced(repair, ran.share if ran is not None and ran.in_effect else None),
        median_ms=None if on_hardware is None else on_hardware.median_ms,
        speed_up=_speed_up(found, results),
        size=seen.size(found.key.model, repair.precision.weights),
        settings=settings(repair.precision, engine=repair.engine, threads=threads),
    )


def best_of(tried: Sequence[Remedy], aim: float | None = None) -> Remedy | None:
    """Return the cheapest repair that passes: by time on hardware, else by what still runs reduced, then by size.

    fp32 is the last resort, whatever it costs. With `aim`, a repair must keep that relative L2 besides.
    """
    passed = [one for one in tried if one.verdict is Verdict.PASS and _near(one, aim)]
    reduced = [one for one in passed if one.kind != Kind.FP32]
    return min(reduced or passed, key=_cost, default=None)


def _near(one: Remedy, aim: float | None) -> bool:
    return aim is None or (one.relative_l2 is not None and one.relative_l2 <= aim)


def _cost(one: Remedy) -> tuple[float, float, int, int]:
    order = [str(kind) for kind in Kind].index(one.kind)
    # Times of some repairs only would compare what cannot be compared.
    faster = -one.speed_up if one.speed_up is not None else 0.0
    return (faster, -(one.reduced_share or 0.0), one.size or 0, order)


def _cell(repair: Repair, device: str, results: RunResults) -> CellResult | None:
    return next(
        (
            cell
            for cell in results.cells
            if (cell.key.device, cell.key.precision, cell.key.engine)
            == (device, repair.precision.name, repair.engine)
        ),
        None,
    )


def _reduced(repair: Repair, share: float | None) -> float | None:
    return 0.0 if repair.kind is Kind.FP32 else share


def _speed_up(found: CellResult, results: RunResults) -> float | None:
    """Return how many times faster than fp32 on the same device, between stable times of hardware."""
    key: CellKey = found.key.model_copy(update={"precision": "fp32"})
    exact = next((cell.timing for cell in results.cells if cell.key == key), None)
    mine = found.timing
    if mine is None or exact is None or mine.emulated or exact.emulated or not (mine.stable and exact.stable):
        return None
    return exact.median_ms / mine.median_ms if mine.median_ms > 0 else None
