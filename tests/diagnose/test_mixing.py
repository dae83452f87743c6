"""The search for mixed precision, on devices that are a formula: which plans are tried, and which is taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import cast

import pytest

from harness.diagnose import mixing
from harness.diagnose.front import Candidate, Sensitivity
from harness.diagnose.look import Question, Seen, Subject
from harness.diagnose.mixing import LOST, Found, Goal, Quest, name_of, search, sensitivities
from harness.diagnose.plans import Plan
from harness.diagnose.searched import searched as told
from harness.diagnosis import BlockFinding
from harness.precision import CATALOGUE, Compute, Segment
from harness.results import CellResult, Metrics, Status, Verdict
from tests.diagnose.findings import KEY, explanation, row

NAMES = ("stem", "attention", "wide", "head")
SHARES = (0.1, 0.5, 0.3, 0.1)
ALONE = (0.005, 0.0002, 0.03, 0.004)
BLOCKS = row(NAMES, SHARES)
SHA = "a" * 64


@dataclass
class Board:
    """Answers a plan by the root of its squared errors; passes up to a limit, and on some devices less."""

    limit: float
    worse: float = 1.0
    fails_after: int = 99
    asked: list[Question] = field(default_factory=list)

    def __call__(self, subject: Subject, question: Question) -> Seen:
        del subject
        self.asked.append(question)
        (precision,) = question.precisions
        (plan,) = precision.plans
        half = [segment for segment in plan.segments if segment.compute is Compute.FP16]
        inside = [index for index in range(len(BLOCKS)) if any(_covers(segment, index) for segment in half)]
        error = math.sqrt(sum(ALONE[index] ** 2 for index in inside))
        cells = [self._cell(device, error * (self.worse if device == "b" else 1.0)) for device in question.devices]
        return cast(Seen, _Seen(_Results(tuple(cells))))

    def _cell(self, device: str, error: float) -> CellResult:
        metrics = Metrics(
            images=64, nonfinite=0, cosine_min=1.0, cosine_median=1.0, relative_l2_median=error, max_abs=0.0,
            top1_agreement=1.0,
        )  # fmt: skip
        key = KEY.model_copy(update={"device": device})
        if len(self.asked) > self.fails_after:
            return CellResult(key=key, status=Status.ERROR, verdict=Verdict.ERROR)
        verdict = Verdict.PASS if error <= self.limit else Verdict.FAIL
        return CellResult(key=key, status=Status.MEASURED, verdict=verdict, metrics=metrics)


def _covers(segment: Segment, index: int) -> bool:
    return int(segment.inputs[0][1:]) <= index < int(segment.outputs[0][1:])


@dataclass
class _Results:
    cells: tuple[CellResult, ...]


@dataclass
class _Seen:
    results: _Results


def searched(
    monkeypatch: pytest.MonkeyPatch, board: Board, goal: Goal, probes: int = 8, time: Sequence[bool] = ()
) -> Found:
    monkeypatch.setattr(mixing, "look", board)
    left = list(time)
    return search(
        Quest(cast(Subject, None), KEY, CATALOGUE["fp16"], SHA, BLOCKS, goal),
        [Sensitivity(alone) for alone in ALONE],
        together=math.sqrt(sum(alone**2 for alone in ALONE)),
        probes=probes,
        enough_time=lambda: left.pop(0) if left else True,
    )


def exact(found: Found) -> set[str]:
    assert found.best is not None
    return {NAMES[index] for index in found.best.candidate.plan.holds(Compute.FP32)}


def test_the_block_that_loses_it_stays_in_fp32_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch, Board(limit=0.01), Goal(("a",)))
    assert exact(found) == {"wide"}
    assert found.best is not None
    assert found.best.candidate.share == pytest.approx(0.7)
    assert found.best.plan.model == SHA
    assert found.best.precision.plans == (found.best.plan,)


def test_one_plan_for_all_devices_is_that_of_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(limit=0.01, worse=1.9)
    found = searched(monkeypatch, board, Goal(("a", "b")))
    assert found.best is not None
    assert all(cell.verdict is Verdict.PASS for cell in found.best.cells)
    assert exact(found) > {"wide"}


def test_where_fp16_passes_a_tenth_of_its_error_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch, Board(limit=1.0), Goal(("a",), error=0.003))
    assert exact(found) == {"stem", "wide", "head"}


def test_no_plan_is_taken_that_did_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch, Board(limit=-1.0), Goal(("a",)))
    assert found.best is None
    assert found.probes


@pytest.mark.parametrize("probes", [0, 1, 2])
def test_a_budget_of_probes_is_kept(monkeypatch: pytest.MonkeyPatch, probes: int) -> None:
    board = Board(limit=0.01)
    searched(monkeypatch, board, Goal(("a",)), probes=probes)
    assert len(board.asked) <= probes


def test_a_budget_of_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(limit=0.01)
    found = searched(monkeypatch, board, Goal(("a",)), time=[True, False])
    assert len(board.asked) == 1
    assert "budget" in found.reason


@pytest.mark.parametrize("plans", [0, 1])
def test_a_device_that_is_gone_ends_the_search_with_what_was_found(
    monkeypatch: pytest.MonkeyPatch, plans: int
) -> None:
    board = Board(limit=0.01, fails_after=plans)
    found = searched(monkeypatch, board, Goal(("a",), error=1.0))
    assert len(board.asked) == plans + 1
    assert found.reason == LOST
    assert (found.best is not None) is (plans == 1)


def test_a_plan_is_named_by_what_it_is() -> None:
    monkeypatched = {name_of(candidate) for candidate in _candidates()}
    assert len(monkeypatched) == len(_candidates())
    assert all(name.startswith("mixed-") for name in monkeypatched)


def _candidates() -> list[Candidate]:
    plans = [Plan(computes) for computes in product((Compute.FP16, Compute.FP32), repeat=5)]
    return [Candidate(plan, 0.0, 0.0) for plan in plans]


def finding(name: str, alone: float | None) -> BlockFinding:
    return BlockFinding(name=name, share=0.25, local=None, alone=alone, spared=0.02)


def test_sensitivities_come_in_the_order_of_the_blocks() -> None:
    found = explanation(*(finding(name, alone) for name, alone in sorted(zip(NAMES, ALONE, strict=True))))
    assert sensitivities(found, BLOCKS) == tuple(Sensitivity(alone, 0.02) for alone in ALONE)


@pytest.mark.parametrize("left", NAMES)
def test_without_a_measurement_of_every_block_nothing_is_searched(left: str) -> None:
    found = explanation(*(finding(name, None if name == left else 0.01) for name in NAMES))
    assert sensitivities(found, BLOCKS) is None
    assert sensitivities(explanation(*(finding(name, 0.01) for name in NAMES if name != left)), BLOCKS) is None


def test_the_front_holds_what_was_tried_and_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch, Board(limit=0.01, worse=1.9), Goal(("a", "b")))
    shown = told(found, KEY, ("a", "b"))
    assert shown.devices == ("a", "b")
    assert shown.plans == len(found.front)
    assert [plan.share for plan in shown.front] == sorted((plan.share for plan in shown.front), reverse=True)
    assert (shown.front[0].share, shown.front[0].measured) == (1.0, None)
    assert (shown.front[-1].share, shown.front[-1].predicted) == (0.0, 0.0)
    tried = [plan for plan in shown.front if plan.verdict is not None]
    assert len(tried) == len(found.probes)
    for plan in tried:  # the blocks of these devices add up as foretold; b is 1.9 times worse
        assert plan.measured == pytest.approx(1.9 * plan.predicted)
        assert plan.verdict is (Verdict.PASS if 1.9 * plan.predicted <= 0.01 else Verdict.FAIL)
    (chosen,) = [plan for plan in shown.front if plan.chosen]
    assert found.best is not None
    assert chosen.share == found.best.candidate.share


def test_of_a_long_front_some_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch, Board(limit=0.01), Goal(("a",)))
    plans = [Plan(tuple(Compute.FP16 if index < half else Compute.FP32 for index in range(99))) for half in range(99)]
    long = replace(found, probes=(), front=tuple(Candidate(plan, 0.01, half / 99) for half, plan in enumerate(plans)))
    shown = told(long, KEY, ("a",))
    assert shown.plans == 99
    assert [plan.share * 99 for plan in shown.front] == pytest.approx([98, 89, 80, 71, 62, 53, 45, 36, 27, 18, 9, 0])
