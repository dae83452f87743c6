"""The first sentences of a report: what to know without reading on. Plain text, to be escaped."""

from collections.abc import Callable, Iterable

from harness.report import names
from harness.report.grid import detail
from harness.results import CellResult, RunResults, Verdict

_ORDER = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NA, Verdict.ERROR)

_GOOD = "Keeps its accuracy"


def sentences(results: RunResults) -> list[tuple[str, str]]:
    """Return (heading, text) pairs, the most important first; headings without cells are left out."""
    found = [("Cells", _counts(results))]
    if not results.complete:
        found.append(("Incomplete", "some cells could not be measured; what follows is what was."))
    groups: tuple[tuple[str, Callable[[CellResult], bool]], ...] = (
        ("Loses accuracy", lambda cell: cell.verdict is Verdict.FAIL),
        ("Did not run as asked", not_as_asked),
        ("Not decided", lambda cell: cell.verdict is Verdict.INCONCLUSIVE),
        ("Could not be measured", lambda cell: cell.verdict is Verdict.ERROR),
        ("Not supported", lambda cell: cell.verdict is Verdict.NA and not not_as_asked(cell)),
        (_GOOD, lambda cell: cell.verdict is Verdict.PASS),
    )
    found += [
        (heading, _grouped(filter(wanted, results.cells), results, remarks=heading != _GOOD))
        for heading, wanted in groups
    ]
    return [(heading, text) for heading, text in found if text]


def not_as_asked(cell: CellResult) -> bool:
    """Tell whether a cell ran, but not at its precision."""
    return cell.verdict is Verdict.NA and cell.effective is not None and cell.effective.in_effect is False


def _counts(results: RunResults) -> str:
    verdicts = [cell.verdict for cell in results.cells]
    parts = [f"{verdicts.count(verdict)} {verdict}" for verdict in _ORDER if verdict in verdicts]
    return f"{len(verdicts)} in all: {', '.join(parts)}." if verdicts else "none were planned."


def _grouped(cells: Iterable[CellResult], results: RunResults, *, remarks: bool) -> str:
    """Return `model: precision on device (remark), device`, with `every device` where that is so."""
    places: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        engine = f" under MNN {cell.key.engine}" if len(results.engines) > 1 else ""
        remark = f" ({_remark(cell)})" if remarks and _remark(cell) else ""
        places.setdefault((cell.key.model, cell.key.precision + engine), []).append(cell.key.device + remark)
    models: dict[str, list[str]] = {}
    for (model, precision), devices in places.items():
        everywhere = not remarks and len(devices) == len(results.devices) > 1
        models.setdefault(model, []).append(f"{precision} on {'every device' if everywhere else ', '.join(devices)}")
    return " · ".join(f"{model}: {'; '.join(parts)}" for model, parts in models.items())


def _remark(cell: CellResult) -> str:
    return names.ran_words(cell) if not_as_asked(cell) else detail(cell)
