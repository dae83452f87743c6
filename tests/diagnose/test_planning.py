"""`mixed` by name: which models get which plan before a run, on devices that are a table."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from harness.config.experiment import Experiment, ModelEntry, load_experiment
from harness.config.inventory import Inventory
from harness.config.plan_file import load_plan
from harness.diagnose import planning
from harness.diagnose.explaining import Insides, Looked
from harness.diagnose.front import Candidate
from harness.diagnose.look import Question, Seen, Subject
from harness.diagnose.mixing import Found, Probe
from harness.diagnose.planning import with_plans
from harness.diagnose.plans import Plan
from harness.diagnose.stored import load_diagnosis
from harness.diagnose.treating import Budget
from harness.diagnosis import BlockFinding
from harness.dispatch.ledger import Listener
from harness.precision import CATALOGUE, MIXED, Compute, MixedPlan, Segment
from harness.results import CellResult, Effective, Status, Verdict
from tests.diagnose.findings import KEY, explanation, row

SHA = "b" * 64
BLOCKS = row(("one", "two"))
PLAN = MixedPlan(SHA, (Segment(("t0",), ("t1",), Compute.FP32, 0.5), Segment(("t1",), ("t2",), Compute.FP16, 0.5)))
FP16 = Effective(weights="float32", compute="fp16", proven=True, in_effect=True)
FP32 = Effective(weights="float32", compute="fp32", proven=True, in_effect=False)


@dataclass
class _Model:
    sha256: str = SHA


@dataclass
class _Results:
    cells: tuple[CellResult, ...]
    models: tuple[_Model, ...] = (_Model(),)


@dataclass
class _Seen:
    results: _Results


@dataclass
class World:
    """Devices with a verdict on fp16 each; None: it does not take effect there."""

    verdicts: dict[str, Verdict | None]
    found: Found | None = None
    blocks: Any = BLOCKS
    measured: bool = True
    searched: list[tuple[str, ...]] = field(default_factory=list)

    def put_on(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(planning, "look", self._look)
        nothing = cast(Any, None)
        patch.setattr(planning, "insides", lambda *_: Insides(nothing, nothing, nothing, blocks=self.blocks))
        patch.setattr(planning, "explain_cell", self._explain)
        patch.setattr(planning, "search", self._search)

    def _look(self, subject: Subject, question: Question) -> Seen:
        del subject
        assert question.precisions == (CATALOGUE["fp16"],)
        cells = [
            CellResult(
                key=KEY.model_copy(update={"device": device}),
                status=Status.MEASURED,
                verdict=verdict or Verdict.NA,
                effective=FP32 if verdict is None else FP16,
            )
            for device, verdict in self.verdicts.items()
        ]
        return cast(Seen, _Seen(_Results(tuple(cells))))

    def _explain(self, subject: Subject, cell: CellResult, *, images: int) -> Looked:
        del subject, images
        alone = 0.01 if self.measured else None
        blocks = [BlockFinding(name=block.name, share=0.5, local=None, alone=alone) for block in BLOCKS]
        return Looked(explanation(*blocks, key=cell.key), None)

    def _search(self, quest: Any, *_: Any, **__: Any) -> Found:
        self.searched.append(quest.goal.devices)
        assert self.found is not None
        return self.found


class Heard(Listener):
    def __init__(self) -> None:
        self.said: list[str] = []

    def stage(self, text: str) -> None:
        self.said.append(text)


def best(plan: MixedPlan | None) -> Found:
    candidate = Candidate(Plan((Compute.FP32, Compute.FP16)), 0.001, 0.5)
    probe = None if plan is None else Probe(candidate, plan, MIXED, (), cast(Seen, None))
    return Found(probe, (), (), "the budget is used up")


def subject(folder: Path, *precisions: Any) -> Subject:
    models = (ModelEntry.model_validate({"name": "b0", "bundled": "efficientvit_b0"}),)
    experiment = Experiment(path=folder / "e.yaml", models=models, precisions=precisions)
    inventory = Inventory(path=folder / "i.yaml", sites=(), devices=())
    return Subject(folder, inventory, experiment, Heard(), cast(Any, None))


def planned(world: World, folder: Path, patch: pytest.MonkeyPatch) -> tuple[Subject, str]:
    world.put_on(patch)
    asking = subject(folder, CATALOGUE["fp32"], MIXED)
    found = with_plans(asking, Budget())
    return found, cast(Heard, asking.listener).said[-1]


def test_an_experiment_that_asks_for_none_is_left_alone(tmp_path: Path) -> None:
    asking = subject(tmp_path, CATALOGUE["fp16"])
    assert with_plans(asking, Budget()) is asking


def test_a_plan_that_was_found_stands_in_for_the_name_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World({"a": Verdict.PASS, "b": Verdict.FAIL, "old": None}, best(PLAN))
    found, said = planned(world, tmp_path, monkeypatch)
    (shown,) = load_diagnosis(tmp_path).searches
    assert (shown.key.device, shown.devices, shown.reason) == ("b", ("a", "b"), "the budget is used up")
    chosen = found.experiment.precisions[1]
    assert (chosen.name, chosen.plans) == ("mixed", (PLAN,))
    assert world.searched == [("a", "b")]  # for all devices on which fp16 takes effect, also where it passes
    assert load_plan(tmp_path / "plans/b0-mixed.yaml") == PLAN
    assert "50.0 % of the multiply-adds in fp16, 1 cuts" in said


def test_where_fp16_passes_everywhere_all_of_it_is_fp16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, said = planned(World({"a": Verdict.PASS}), tmp_path, monkeypatch)
    (plan,) = found.experiment.precisions[1].plans
    assert [segment.compute for segment in plan.segments] == [Compute.FP16]
    assert "keeps the accuracy on all devices" in said


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (World({"a": Verdict.FAIL}, best(None)), "no plan keeps the accuracy: the budget is used up"),
        (World({"a": None}), "takes effect on none of the devices"),
        (World({"a": Verdict.FAIL}, blocks=()), "cannot be cut"),
        (World({"a": Verdict.FAIL}, measured=False), "could not be measured"),
    ],
)
def test_without_a_plan_no_cell_claims_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World, words: str
) -> None:
    found, said = planned(world, tmp_path, monkeypatch)
    assert words in said
    assert found.experiment.precisions[1].on(SHA) is None
    assert not (tmp_path / "plans").exists()


def test_an_undecided_cell_is_reason_enough_to_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"a": Verdict.INCONCLUSIVE}, best(PLAN))
    planned(world, tmp_path, monkeypatch)
    assert world.searched == [("a",)]


def test_an_experiment_names_it(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text("models: [{name: b0, bundled: efficientvit_b0}]\nprecisions: [fp32, mixed]\n")
    assert load_experiment(path).precisions[1] == MIXED
