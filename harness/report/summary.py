"""The top of a report: three sentences on what to know, then counts. Plain text, to be escaped by the renderer."""

from collections.abc import Callable, Sequence

from harness.report import numbers
from harness.report.causes import because, cause_of
from harness.report.decided import decided, ran_as_asked
from harness.report.groups import grouped
from harness.report.known import expected_failure, passes_now
from harness.report.marks import not_as_asked, partly
from harness.results import CellResult, RunResults, Status, Thresholds, Verdict

_ORDER = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NA, Verdict.ERROR)


def three(results: RunResults) -> tuple[str, str, str]:
    """Return exactly three sentences: which combinations lose accuracy, why, and which are safe.

    What was not decided, but measured beyond the threshold, is named beside what is lost: it may well be.
    """
    losing = [cell for cell in results.cells if cell.verdict is Verdict.FAIL]
    apparent = [cell for cell in results.cells if _apparent(cell, results.thresholds)]
    return _loss(losing, apparent, results), _why(losing, apparent, results), _safe(results)


def counts(results: RunResults) -> str:
    """Return how many cells came to what, so that nothing that was not decided or measured vanishes."""
    verdicts = [cell.verdict for cell in results.cells]
    parts = [f"{verdicts.count(verdict)} {verdict}" for verdict in _ORDER if verdict in verdicts]
    shown = f"{_number(len(verdicts), 'cell')}: {', '.join(parts)}." if verdicts else "0 cells: none were planned."
    tests: Sequence[tuple[str, Callable[[CellResult], bool]]] = (
        ("could not be decided", lambda cell: cell.verdict is Verdict.INCONCLUSIVE),
        ("did not run as asked", not_as_asked),
        ("ran only partly as asked", lambda cell: partly(cell) and not not_as_asked(cell)),
        ("could not be run at all", lambda cell: cell.status is Status.UNSUPPORTED),
        ("could not be measured", lambda cell: cell.status is Status.ERROR),
        ("not measured yet", lambda cell: cell.status is Status.PENDING),
        ("failed as known", expected_failure),
    )
    notes = [f"{count} {words}" for words, test in tests if (count := sum(map(test, results.cells)))]
    counted = f"{shown} Of these {', '.join(notes)}." if notes else shown
    asked = ran_as_asked(results.cells)
    share = f" {len(decided(asked))} of {len(asked)} cells that ran as asked are decided."
    return counted + share if asked else counted


def alarms(results: RunResults) -> list[str]:
    """Return what must be read before any verdict: doubtful samples, other thresholds, failures that are none."""
    found = [f"Check the samples of {model.name}: {text}" for model in results.models for text in model.warnings]
    if results.rejudged:
        found.append(f"Judged again with other settings than the run's own: {', '.join(results.rejudged)}.")
    if surprises := [cell for cell in results.cells if passes_now(cell)]:
        where = grouped(surprises, results)
        found.append(f"Known failures pass now, remove them from known_failures: {where}.")
    if not results.complete:
        found.append("The run is incomplete: what follows is what was measured.")
    return found


def _apparent(cell: CellResult, limits: Thresholds) -> bool:
    """Tell whether a cell is not decided although what was measured is beyond the threshold; one image is nothing."""
    found = cell.metrics
    if cell.verdict is not Verdict.INCONCLUSIVE or found is None or found.images < 2:
        return False
    if found.accuracy_drop_points is not None:
        return found.accuracy_drop_points > limits.accuracy_drop_points
    return found.top1_agreement is not None and found.top1_agreement < limits.agreement


def _loss(losing: Sequence[CellResult], apparent: Sequence[CellResult], results: RunResults) -> str:
    if losing:
        words = f"Accuracy is lost by {grouped(losing, results, _lost)}"
    elif any(cell.verdict is Verdict.PASS for cell in results.cells):
        words = "No combination that was decided loses accuracy"
    else:
        words = "Nothing could be shown to lose accuracy"
    if not apparent:
        return f"{words}."
    return f"{words}; not decided, but measured beyond the threshold: {grouped(apparent, results, _measured)}."


def _why(losing: Sequence[CellResult], apparent: Sequence[CellResult], results: RunResults) -> str:
    found = []
    if losing:
        found.append(f"The cause is {'; it is '.join(_causes(losing, results))}")
    if apparent:
        begin = "of what is not decided it would be" if losing else "The cause would be"
        found.append(f"{begin} {'; it would be '.join(_causes(apparent, results))}")
    return f"{'; '.join(found)}." if found else "So there is no loss to explain."


def _causes(cells: Sequence[CellResult], results: RunResults) -> list[str]:
    causes: dict[str, list[CellResult]] = {}
    for cell in cells:
        causes.setdefault(str(cause_of(cell) or ""), []).append(cell)
    known = [f"{cause} for {grouped(members, results, because)}" for cause, members in causes.items() if cause]
    return [*known, *(f"not known for {grouped(members, results)}" for cause, members in causes.items() if not cause)]


def _safe(results: RunResults) -> str:
    safe = [cell for cell in results.cells if cell.verdict is Verdict.PASS]
    if not safe:
        return "Nothing is shown to be safe."
    sure = f"{100.0 * results.confidence:g} %"
    return f"Safe, with {sure} confidence each, are {grouped(safe, results, _partly)}."


def change_range(cells: Sequence[CellResult]) -> str:
    """Return the change of accuracy over some cells, in points, or their agreement where there are no labels.

    Cells with outputs that are not finite are counted apart: they have no accuracy to speak of.
    """
    found = [cell.metrics for cell in cells if cell.metrics is not None]
    finite = [one for one in found if not one.nonfinite]
    drops = [-one.accuracy_drop_points for one in finite if one.accuracy_drop_points is not None]
    agreements = [one.top1_agreement for one in finite if one.top1_agreement is not None]
    words = []
    if drops:
        words.append(f"{numbers.between(drops, numbers.signed)} pt")
    elif agreements:
        words.append(f"agrees {numbers.between(agreements, numbers.percent)}")
    if broken := len(found) - len(finite):
        words.append("outputs not finite" if broken == len(found) else f"outputs not finite on {broken}")
    return ", ".join(words)


def _lost(cells: Sequence[CellResult]) -> str:
    return _and_unproven(cells, change_range(cells))


def _measured(cells: Sequence[CellResult]) -> str:
    images = [cell.metrics.images for cell in cells if cell.metrics is not None]
    return _and_unproven(cells, f"{change_range(cells)} on {numbers.between(images, str)} images")


def _and_unproven(cells: Sequence[CellResult], figure: str) -> str:
    unproven = any(cell.effective is not None and cell.effective.in_effect is None for cell in cells)
    return f"{figure}, what ran is not proven" if unproven else figure


def _partly(cells: Sequence[CellResult]) -> str:
    return "partly as asked" if any(map(partly, cells)) else ""


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
