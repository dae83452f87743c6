"""What a run does by itself for the cells that it shows to lose accuracy: it explains them, within a budget."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.config.experiment import DiagnosisPlan
from harness.diagnose.explaining import Looked, explain_cell
from harness.diagnose.look import Subject
from harness.diagnosis import Explanation, LintScore
from harness.errors import FarmError
from harness.evidence import CellKey
from harness.results import CellResult, RunResults, Verdict

Explain = Callable[[CellResult], Looked]


@dataclass(frozen=True, slots=True)
class Explained:
    """What came of it: explanations, the lint's scores on them, and what was not explained with the reason."""

    explanations: tuple[Explanation, ...] = ()
    scores: tuple[LintScore, ...] = ()
    left: tuple[str, ...] = ()


def to_explain(results: RunResults, known: Sequence[CellKey] = ()) -> list[CellResult]:
    """Return the failing cells that deserve a look: one of those that agree to the bit, none that is known."""
    chosen: list[CellResult] = []
    covered = set(known)
    for cell in results.cells:
        if cell.verdict is not Verdict.FAIL or cell.key in covered:
            continue
        chosen.append(cell)
        # What gave the same outputs to the bit lost its accuracy in the same place.
        equal = cell.peers.equal if cell.peers is not None else ()
        covered |= {cell.key, *(cell.key.model_copy(update={"device": device}) for device in equal)}
    return chosen


def explain_failures(
    cells: Sequence[CellResult], explain: Explain, plan: DiagnosisPlan, *, clock: Callable[[], float] = time.monotonic
) -> Explained:
    """Explain cells one after the other, until the budget is used up.

    Raises:
        KeyboardInterrupt: the user interrupted it.
    """
    began = clock()
    found: list[Looked] = []
    left: list[str] = []
    for cell in cells:
        if clock() - began >= 60.0 * plan.minutes:
            left.append(f"{cell.key}: the budget of {plan.minutes:g} minutes is used up (diagnosis: minutes)")
            continue
        try:
            found.append(explain(cell))
        except FarmError as error:
            left.append(f"{cell.key}: {error.problem.message}")
    scores = tuple(one.score for one in found if one.score is not None)
    return Explained(tuple(one.explanation for one in found), scores, tuple(left))


def explainer(subject: Subject, plan: DiagnosisPlan) -> Explain:
    """Return what explains a cell by a look at its device."""
    return lambda cell: explain_cell(subject, cell, images=plan.images)
