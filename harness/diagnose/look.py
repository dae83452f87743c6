"""A closer look at a run: a run of its own on the same models and devices, narrowed down, in a folder below.

Everything that diagnosis measures is measured so: planned, leased, journalled, resumable and judged like any other
run. A look that was taken before is read from its folder, which is named by what was asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.config.experiment import Experiment
from harness.config.inventory import Inventory
from harness.config.model_entry import TimingPlan
from harness.dispatch.focus import Focus
from harness.dispatch.ledger import Listener
from harness.dispatch.run import Outcome, Request
from harness.dispatch.stored import stored_run
from harness.errors import Code, FarmError
from harness.evidence import CellEvidence, CellKey
from harness.judge.stored import StoredRun
from harness.models.cache import key_of
from harness.precision import Precision, Weights
from harness.results import CellResult, RunResults

Outputs = NDArray[np.float32]
Start = Callable[[Request, Listener], Outcome]
"""Runs a request as `farm run` does."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The run that is looked at, and how its devices are reached now.

    Attributes:
        folder: the run's own; looks go into folders below it.
    """

    folder: Path
    inventory: Inventory
    experiment: Experiment
    listener: Listener
    start: Start
    ray_address: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a look asks.

    Attributes:
        name: a word for its folder.
        timed: whether times are of interest; else each cell runs as little as it can.
    """

    name: str
    models: tuple[str, ...]
    devices: tuple[str, ...]
    precisions: tuple[Precision, ...]
    focus: Focus
    engines: tuple[str, ...]
    timed: bool = False

    @property
    def folder(self) -> str:
        """The look's folder: its name, and what tells it from every other question."""
        asked = [self.models, self.devices, list(map(repr, self.precisions)), repr(self.focus), self.engines]
        return f"{self.name}-{key_of(asked=asked, timed=self.timed)[:12]}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look saw."""

    results: RunResults
    stored: StoredRun
    folder: Path

    def size(self, model: str, weights: Weights) -> int | None:
        """Return the bytes of a model's file with such weights, where that was written down."""
        return next((one.sizes.get(weights) for one in self.stored.models if one.result.name == model), None)

    def cell(self, key: CellKey) -> CellResult:
        """Return a cell's result.

        Raises:
            FarmError: evidence-missing.
        """
        found = next((cell for cell in self.results.cells if cell.key == key), None)
        if found is None:
            raise FarmError(Code.EVIDENCE_MISSING, f"{self.folder} has no cell {key}.")
        return found

    def evidence(self, key: CellKey) -> CellEvidence:
        """Return what a cell left.

        Raises:
            FarmError: the cell's own failure, or evidence-missing.
        """
        found = self.stored.evidence.get(key)
        if found is None:
            raise FarmError(Code.EVIDENCE_MISSING, f"{self.folder} has no evidence of {key}.")
        if found.failure is not None:
            raise FarmError(found.failure.code, found.failure.message, found.failure.advice)
        return found

    def outputs(self, key: CellKey) -> Outputs:
        """Return a cell's outputs, float32 [images, classes].

        Raises:
            FarmError: the cell's own failure, or evidence-missing.
        """
        return self.stored.outputs(self.evidence(key).outputs or "")


def look(subject: Subject, question: Question) -> Seen:
    """Ask a question of the devices, or read the answer where it was asked before.

    Raises:
        KeyboardInterrupt: the user interrupted it; what was measured is kept.
        FarmError, InputError: as `Coordinator.run`.
    """
    folder = subject.folder / question.folder
    request = Request(
        inventory=subject.inventory,
        experiment=_narrowed(subject.experiment, question),
        folder=folder,
        resume=folder.exists(),
        ray_address=subject.ray_address,
        wait_s=_PATIENCE_S,
        focus=question.focus,
    )
    outcome = subject.start(request, subject.listener)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return Seen(outcome.results, stored_run(folder), folder)


_PATIENCE_S = 900.0


def _narrowed(experiment: Experiment, question: Question) -> Experiment:
    changes: dict[str, object] = {
        "models": tuple(model for model in experiment.models if model.name in question.models),
        "precisions": question.precisions,
        "devices": question.devices,
        "engines": question.engines,
        "known_failures": (),
    }
    if not question.timed:
        changes["timing"] = TimingPlan(warmup=0, repeats=1)
    return experiment.model_copy(update=changes)
