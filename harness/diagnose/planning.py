"""The precision `mixed` by name: a plan for each model of an experiment, searched on the devices before the run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.config.plan_file import plan_text
from harness.diagnose.explaining import IMAGES, Insides, explain_cell, insides
from harness.diagnose.look import Question, Seen, Subject, look
from harness.diagnose.mixing import Found, Goal, Quest, search, sensitivities
from harness.diagnose.plans import segments, uniform
from harness.diagnose.searched import searched
from harness.diagnose.stored import keep_diagnosis
from harness.diagnose.treating import Budget
from harness.dispatch.focus import Focus
from harness.dispatch.run_folder import PLANS
from harness.models.cache import write_atomic
from harness.precision import CATALOGUE, MIXED, Compute, MixedPlan
from harness.results import CellResult, Status, Verdict

FP16 = CATALOGUE["fp16"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A model's plan, and how it was come by, in words; None where no plan keeps the accuracy."""

    plan: MixedPlan | None
    words: str


def with_plans(subject: Subject, budget: Budget, *, clock: Callable[[], float] = time.monotonic) -> Subject:
    """Return the subject with a plan for each model in the precision `mixed`; unchanged where it asks for none.

    Plans are kept in the run's folder. A search that was interrupted goes on where it was.

    Raises:
        KeyboardInterrupt: the user interrupted it.
        FarmError, InputError: a look could not be taken.
    """
    experiment = subject.experiment
    if MIXED not in experiment.precisions:
        return subject
    plans = []
    for model in experiment.models:
        found = _planned(subject, model.name, budget, clock)
        subject.listener.stage(f"mixed precision of {model.name}: {found.words}")
        if found.plan is not None:
            plans.append(found.plan)
            path = subject.folder / PLANS / f"{model.name}-mixed.yaml"
            write_atomic(path, plan_text(found.plan, found.words).encode())
    # Without any plan the empty one stands for it: it fits no model, so its cells say why nothing was run.
    chosen = replace(MIXED, plans=tuple(plans) or (MixedPlan("", ()),))
    precisions = tuple(chosen if one == MIXED else one for one in experiment.precisions)
    return replace(subject, experiment=experiment.model_copy(update={"precisions": precisions}))


@dataclass(frozen=True, slots=True)
class _Case:
    """A model that needs a plan: its cells in fp16, of which `worst` does not pass."""

    subject: Subject
    cells: tuple[CellResult, ...]
    worst: CellResult
    inside: Insides
    sha256: str

    @property
    def devices(self) -> tuple[str, ...]:
        """Those on which fp16 takes effect."""
        return tuple(cell.key.device for cell in self.cells)

    def search(self, budget: Budget, elapsed: Callable[[], float]) -> Found | None:
        """Search a plan for all these devices; None where blocks could not be compared."""
        precisions = self.subject.experiment.model_copy(update={"precisions": (FP16,)})
        asking = replace(self.subject, experiment=precisions)
        explanation = explain_cell(asking, self.worst, images=IMAGES).explanation
        measured = sensitivities(explanation, self.inside.blocks)
        if measured is None:
            return None
        return search(
            Quest(asking, self.worst.key, FP16, self.sha256, self.inside.blocks, Goal(self.devices)),
            measured,
            together=explanation.together,
            probes=budget.probes,
            enough_time=lambda: elapsed() < 60.0 * budget.minutes,
        )


def _planned(subject: Subject, model: str, budget: Budget, clock: Callable[[], float]) -> Planned:
    began = clock()
    seen = _in_fp16(subject, model)
    cells = tuple(cell for cell in seen.results.cells if _in_effect(cell))
    sha256 = seen.results.models[0].sha256
    inside = insides(subject, model)
    if not cells or not inside.blocks:
        return Planned(None, "it cannot be cut" if cells else "fp16 takes effect on none of the devices")
    whole = MixedPlan(sha256, segments(inside.blocks, uniform(len(inside.blocks), Compute.FP16)))
    worst = next((cell for cell in cells if cell.verdict is not Verdict.PASS), None)
    if worst is None:
        return Planned(whole, "fp16 throughout keeps the accuracy on all devices")
    case = _Case(subject, cells, worst, inside, sha256)
    found = case.search(budget, lambda: clock() - began)
    if found is not None:
        keep_diagnosis(subject.folder, searches=(searched(found, worst.key, case.devices),))
    return _told(found)


def _told(found: Found | None) -> Planned:
    if found is None:
        return Planned(None, "what its blocks do could not be measured")
    if found.best is None:
        return Planned(None, f"no plan keeps the accuracy: {found.reason}")
    share, cuts = found.best.candidate.share, found.best.candidate.plan.cuts
    return Planned(found.best.plan, f"{100 * share:.1f} % of the multiply-adds in fp16, {cuts} cuts")


def _in_fp16(subject: Subject, model: str) -> Seen:
    experiment = subject.experiment
    question = Question(
        name="mixed-base",
        models=(model,),
        devices=experiment.devices,
        precisions=(FP16,),
        focus=Focus(),
        engines=experiment.engines[:1],
    )
    return look(subject, question)


def _in_effect(cell: CellResult) -> bool:
    return cell.status is Status.MEASURED and cell.effective is not None and cell.effective.in_effect is True
