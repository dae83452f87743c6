"""The cells of a run that are to be repaired, device by like device, and what came of it kept beside the run."""

from collections import defaultdict
from collections.abc import Sequence

from harness.diagnose.look import Subject
from harness.diagnose.stored import keep_diagnosis, load_diagnosis
from harness.diagnose.treating import Budget, Treating
from harness.diagnosis import Treatment
from harness.results import CellResult, DeviceResult, RunResults, Status, Verdict


def failing(cells: Sequence[CellResult]) -> list[CellResult]:
    """Return the cells that are shown to lose accuracy by what ran as asked."""
    measured = (cell for cell in cells if cell.status is Status.MEASURED)
    return [cell for cell in measured if cell.verdict is Verdict.FAIL]


def alike(results: RunResults, cells: Sequence[CellResult]) -> list[list[CellResult]]:
    """Return cells in groups of one model, precision and engine on devices with the same instruction set."""
    devices = {device.name: device for device in results.devices}
    groups: dict[tuple[str, ...], list[CellResult]] = defaultdict(list)
    for cell in cells:
        key = cell.key
        groups[key.model, key.precision, key.engine, *_kind(devices[key.device])].append(cell)
    return list(groups.values())


def repair(
    subject: Subject,
    results: RunResults,
    cells: Sequence[CellResult],
    budget: Budget,
    engines: tuple[str, ...] = (),
) -> list[Treatment]:
    """Try what may repair these cells; each group of like devices is kept in the run's folder as soon as it is done.

    Args:
        subject: the run, with its devices within reach.
        results: of the run.
        cells: to be repaired.
        budget: for each group.
        engines: other versions of the engine that are tried too.

    Raises:
        FarmError: the devices could not be measured; what was found before is kept.
        KeyboardInterrupt: the user interrupted it; the same.
    """
    known = {one.key: one for one in load_diagnosis(subject.folder).explanations}
    treating = Treating(subject, results, budget, known, engines)
    found: list[Treatment] = []
    for group in alike(results, cells):
        treated = treating.treat(group)
        found += treated.treatments
        keep_diagnosis(
            subject.folder,
            treatments=treated.treatments,
            explanations=() if treated.explanation is None else (treated.explanation,),
            searches=() if treated.search is None else (treated.search,),
        )
    return found


def _kind(device: DeviceResult) -> tuple[str, ...]:
    isa = device.fingerprint.get("isa")
    return (str(device.fingerprint.get("machine")), *(map(str, isa) if isinstance(isa, list | tuple) else ()))
