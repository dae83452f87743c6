"""A closer look is a run of its own, in a folder that is named by what is asked; asked again, it is read."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from harness.config.experiment import Experiment, ModelEntry
from harness.config.inventory import Inventory
from harness.diagnose.look import Question, Subject, look
from harness.dispatch.focus import CloseUp, Focus
from harness.dispatch.ledger import Listener
from harness.dispatch.run import Outcome, Request
from harness.dispatch.stored import stored_run
from harness.errors import Code, FarmError
from harness.judge.run import judge
from harness.precision import CATALOGUE
from tests.dispatch.builders import key
from tests.report.folders import IMAGES, run_folder

FP32 = CATALOGUE["fp32"]


@dataclass
class Starter:
    """Runs nothing: a run's folder is there when it was asked for."""

    interrupted: bool = False
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request, listener: Listener) -> Outcome:
        del listener
        self.asked.append(request)
        if not request.resume:
            run_folder(request.folder)
        return Outcome(judge(stored_run(request.folder)), self.interrupted)


def subject(folder: Path, starter: Starter) -> Subject:
    models = tuple(ModelEntry.model_validate({"name": name, "bundled": "efficientvit_b0"}) for name in ("b0", "m0"))
    experiment = Experiment(path=folder / "e.yaml", models=models, precisions=(FP32, CATALOGUE["fp16"]))
    inventory = Inventory(path=folder / "i.yaml", sites=(), devices=())
    return Subject(folder, inventory, experiment, Listener(), starter)


QUESTION = Question("explain", ("b0",), ("a53",), (FP32,), Focus(images=(3, 1)), ("3.6.1",))


def test_the_run_is_narrowed_down_to_what_is_asked(tmp_path: Path) -> None:
    starter = Starter()
    look(subject(tmp_path, starter), QUESTION)
    (request,) = starter.asked
    asked = request.experiment
    assert [model.name for model in asked.models] == ["b0"]
    assert (asked.devices, asked.precisions, asked.engines) == (("a53",), (FP32,), ("3.6.1",))
    assert (asked.timing.warmup, asked.timing.repeats) == (0, 1)
    assert request.focus.images == (3, 1)
    assert request.folder.parent == tmp_path
    assert request.folder.name.startswith("explain-")
    assert not request.resume


def test_times_are_taken_where_they_are_of_interest(tmp_path: Path) -> None:
    starter = Starter()
    look(subject(tmp_path, starter), replace(QUESTION, timed=True))
    assert starter.asked[0].experiment.timing.repeats == 10


def test_the_same_question_goes_on_where_it_was(tmp_path: Path) -> None:
    starter = Starter()
    for _ in range(2):
        look(subject(tmp_path, starter), QUESTION)
    assert [request.resume for request in starter.asked] == [False, True]
    assert len({request.folder for request in starter.asked}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"devices": ("a76",)},
        {"models": ("m0",)},
        {"precisions": (CATALOGUE["fp16"],)},
        {"focus": Focus(images=(1, 3))},
        {"focus": Focus(images=(3, 1), close_up=CloseUp("fp32", 1))},
        {"engines": ("3.2.0",)},
        {"timed": True},
    ],
)
def test_another_question_has_another_folder(changes: dict[str, object]) -> None:
    assert replace(QUESTION, **changes).folder != QUESTION.folder  # type: ignore[arg-type]


def test_what_was_seen(tmp_path: Path) -> None:
    seen = look(subject(tmp_path, Starter()), QUESTION)
    cell = key("fp32", "a53")
    assert seen.cell(cell).key == cell
    outputs = seen.outputs(cell)
    assert outputs.shape == (IMAGES, 10)
    assert np.count_nonzero(outputs.argmax(axis=1) != np.arange(IMAGES) % 10) == 40


def test_what_was_not_seen_is_evidence_that_is_missing(tmp_path: Path) -> None:
    seen = look(subject(tmp_path, Starter()), QUESTION)
    for ask in (seen.cell, seen.evidence, seen.outputs):
        with pytest.raises(FarmError) as caught:
            ask(key("fp16", "a53"))
        assert caught.value.problem.code is Code.EVIDENCE_MISSING


def test_an_interrupted_look_interrupts(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        look(subject(tmp_path, Starter(interrupted=True)), QUESTION)
