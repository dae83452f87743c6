"""Trying the repairs of cells that lose accuracy, on the devices concerned, each judged as any other cell."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.plan_file import plan_text
from harness.diagnose.explaining import IMAGES, Insides, explain_cell, insides
from harness.diagnose.export import example
from harness.diagnose.look import Question, Seen, Subject, look
from harness.diagnose.mixing import MORE_EXACT, Found, Goal, Probe, Quest, search, sensitivities
from harness.diagnose.outcome import best_of, outcome
from harness.diagnose.remedies import Kind, Repair, repairs
from harness.diagnose.searched import searched
from harness.diagnosis import Explanation, Remedy, Search, Treatment
from harness.dispatch.focus import Focus
from harness.dispatch.run_folder import PLANS
from harness.errors import FarmError
from harness.evidence import CellKey
from harness.models.cache import write_atomic
from harness.models.repaired import rewrites_of
from harness.precision import Compute, Precision
from harness.results import CellResult, RunResults, Verdict

_GUILTY = 0.9
"""Layers that make this part of the squared error are kept float."""
_MOST_LAYERS = 24


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent on one cell: plans of mixed precision that are tried, and minutes."""

    probes: int = 8
    minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class Treated:
    """What came of a group of like cells.

    Attributes:
        treatments: one for each cell.
        explanation: what they rest on, where one could be made.
        search: for mixed precision, where one was made.
    """

    treatments: tuple[Treatment, ...]
    explanation: Explanation | None = None
    search: Search | None = None


@dataclass(slots=True)
class Treating:
    """Repairs one cell, and those of like devices with it.

    Attributes:
        results: of the run.
        known: explanations that are there already, by cell.
    """

    subject: Subject
    results: RunResults
    budget: Budget
    known: dict[CellKey, Explanation]
    engines: tuple[str, ...] = ()
    clock: Callable[[], float] = time.monotonic

    def treat(self, group: Sequence[CellResult]) -> Treated:
        """Try the repairs for cells of one model, precision and engine on devices that are alike.

        Raises:
            InputError: there is nothing to repair.
            KeyboardInterrupt: the user interrupted it.
        """
        began = self.clock()
        first = group[0]
        explanation, notes = self._explained(first)
        asked = next(one for one in self.subject.experiment.precisions if one.name == first.key.precision)
        inside = insides(self.subject, first.key.model)
        chosen = repairs(
            asked,
            engine=first.key.engine,
            engines=self.engines,
            layers=guilty(explanation, inside.layers),
            rewrites=rewrites_of(inside.source, inside.samples),
        )
        tried = self._try(group, chosen)
        found = self._mixed(group, asked, inside, explanation, began) if asked.compute is Compute.FP16 else None
        like = tuple(cell.key.device for cell in group)
        wall_s = self.clock() - began
        treatments = tuple(
            self._treatment(cell, chosen, tried, found, inside, like=like, notes=notes, wall_s=wall_s)
            for cell in group
        )
        return Treated(treatments, explanation, None if found is None else searched(found, first.key, like))

    def _explained(self, cell: CellResult) -> tuple[Explanation | None, tuple[str, ...]]:
        if cell.key in self.known:
            return self.known[cell.key], ()
        try:
            return explain_cell(self.subject, cell, images=IMAGES).explanation, ()
        except FarmError as error:
            return None, (f"the cell could not be looked into: {error.problem.message}",)

    def _try(self, group: Sequence[CellResult], chosen: Sequence[Repair]) -> dict[str, Seen]:
        """Measure every repair on one of the like devices, dealt out so that all of them work; by engine."""
        seen: dict[str, Seen] = {}
        devices = [cell.key.device for cell in group]
        for engine in dict.fromkeys(repair.engine for repair in chosen):
            mine = [repair.precision for repair in chosen if repair.engine == engine]
            dealt = frozenset((devices[number % len(devices)], one.name) for number, one in enumerate(mine))
            seen[engine] = look(self.subject, self._question(group, mine, engine, dealt))
        return seen

    def _question(
        self, group: Sequence[CellResult], mine: Sequence[Precision], engine: str, cells: frozenset[tuple[str, str]]
    ) -> Question:
        return Question(
            name="remedies",
            models=(group[0].key.model,),
            devices=tuple(cell.key.device for cell in group),
            precisions=tuple(mine),
            focus=Focus(cells=cells),
            engines=(engine,),
            timed=True,
        )

    def _mixed(
        self,
        group: Sequence[CellResult],
        asked: Precision,
        inside: Insides,
        explanation: Explanation | None,
        began: float,
    ) -> Found | None:
        measured = sensitivities(explanation, inside.blocks) if explanation is not None else None
        if explanation is None or measured is None or len(inside.blocks) < 2:
            return None
        model = next(one for one in self.results.models if one.name == group[0].key.model)
        goal = Goal(tuple(cell.key.device for cell in group), aim(group[0]) or math.inf)
        quest = Quest(self.subject, group[0].key, asked, model.sha256, inside.blocks, goal)
        return search(
            quest,
            measured,
            together=explanation.together,
            probes=self.budget.probes,
            enough_time=lambda: self.clock() - began < 60.0 * self.budget.minutes,
        )

    def _treatment(
        self,
        cell: CellResult,
        chosen: Sequence[Repair],
        tried: dict[str, Seen],
        found: Found | None,
        inside: Insides,
        *,
        like: tuple[str, ...],
        notes: tuple[str, ...],
        wall_s: float,
    ) -> Treatment:
        rows = [outcome(repair, cell, tried[repair.engine], self.results, like) for repair in chosen]
        rows += [_of_probe(probe, cell, found, self, inside) for probe in found.probes] if found is not None else []
        order = [str(kind) for kind in Kind]
        known = sorted((row for row in rows if row is not None), key=lambda row: order.index(row.kind))
        said = (f"mixed precision: {found.reason}",) if found is not None else ()
        return Treatment(
            key=cell.key,
            tried=tuple(known),
            best=best_of(known, aim(cell)),
            aim=aim(cell),
            probes=len(known),
            wall_s=wall_s,
            notes=(*notes, *said),
        )

    def keep_plan(self, probe: Probe, cell: CellResult, inside: Insides) -> str:
        """Write a plan and the program that runs it; return the plan's file within the run's folder."""
        name = f"{cell.key.model}-{probe.precision.name}"
        about = f"{100 * probe.candidate.share:.1f} % of the multiply-adds in fp16, {probe.candidate.plan.cuts} cuts"
        threads = next(one.threads for one in self.subject.inventory.devices if one.name == cell.key.device)
        program = example(
            probe.plan,
            probe.precision,
            inside.signature,
            about=about,
            model=cell.key.model,
            file=f"{name}.py",
            threads=threads,
        )
        path = Path(PLANS, f"{name}.yaml")
        write_atomic(self.subject.folder / path, plan_text(probe.plan, about).encode())
        write_atomic(self.subject.folder / PLANS / f"{name}.py", program.encode())
        return str(path)


def guilty(explanation: Explanation | None, layers: Collection[str]) -> tuple[str, ...]:
    """Return the quantisable layers in which most of the error is made, as the .mnn file names them.

    Those that make up nine tenths of the sum of squares, the worst first, and no more than `_MOST_LAYERS`.
    """
    if explanation is None:
        return ()
    made = {point.name: point.made for point in explanation.depth if point.made and point.name in layers}
    whole = sum(error * error for error in made.values())
    chosen: list[str] = []
    so_far = 0.0
    for name in sorted(made, key=lambda one: -made[one]):
        if so_far >= _GUILTY * whole or len(chosen) == _MOST_LAYERS:
            break
        chosen.append(name)
        so_far += made[name] ** 2
    return tuple(chosen)


def aim(cell: CellResult) -> float | None:
    """Return the relative L2 that a repair must keep besides; None where a PASS is all that is asked.

    A cell that is repaired although it does not lose accuracy is to come closer to the reference: to a tenth.
    """
    error = None if cell.metrics is None else cell.metrics.relative_l2_median
    return None if cell.verdict is Verdict.FAIL or not error else error / MORE_EXACT


def _of_probe(probe: Probe, cell: CellResult, found: Found, treating: Treating, inside: Insides) -> Remedy | None:
    repair = Repair(Kind.MIXED, "mixed precision", probe.precision, cell.key.engine)
    row = outcome(repair, cell, probe.seen, treating.results)
    if row is None:
        return None
    plan = treating.keep_plan(probe, cell, inside) if probe is found.best else None
    return row.model_copy(
        update={"reduced_share": probe.candidate.share, "cuts": probe.candidate.plan.cuts, "plan": plan}
    )
