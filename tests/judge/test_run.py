"""A whole run judged, and its exit code."""

import itertools
from dataclasses import dataclass, replace

import pytest

from harness.errors import Code, FarmError
from harness.judge.exit_code import exit_code
from harness.judge.run import judge
from harness.judge.stored import DeviceRecord
from harness.results import CellResult, RunResults, Status, Verdict

from .builders import ENGINE, answers, board, evidence, key, model, stored

REFERENCE = answers()
RUN = stored(evidence(REFERENCE), REFERENCE, model(REFERENCE, REFERENCE.argmax(axis=1)))


@dataclass(frozen=True)
class Known:
    device: str = "board"
    model: str = "b0"
    precision: str = "fp32"
    reason: str = "known"


def run_of(*verdicts: Verdict) -> RunResults:
    status = {Verdict.ERROR: Status.ERROR}
    names = ("fp32", "fp16", "w8", "int8")
    cells = tuple(
        CellResult(key=key(name), status=status.get(verdict, Status.MEASURED), verdict=verdict)
        for name, verdict in zip(names, verdicts, strict=False)
    )
    return judge(RUN).model_copy(update={"cells": cells})


def test_cells_come_in_the_order_of_the_plan() -> None:
    first, second = key("fp32"), key("fp32").model_copy(update={"engine": "3.0.0"})
    for planned in itertools.permutations((first, second)):
        cells = judge(replace(RUN, planned=planned)).cells
        assert tuple(cell.key for cell in cells) == planned
        assert [cell.verdict for cell in cells if cell.key == second] == [Verdict.ERROR]


def test_equal_runs_are_judged_equal() -> None:
    assert judge(RUN) == judge(RUN)
    assert RunResults.model_validate_json(judge(RUN).model_dump_json()) == judge(RUN)


def test_a_planned_cell_of_nobody_is_refused() -> None:
    for field in ("device", "model", "precision"):
        with pytest.raises(FarmError, match=f"no {field} 'other'") as caught:
            judge(replace(RUN, planned=(key().model_copy(update={field: "other"}),)))
        assert caught.value.problem.code is Code.EVIDENCE_MISSING


def test_a_device_shows_its_facts_and_engines() -> None:
    device = board()
    assert device.evidence is not None
    described = device.evidence.model_copy(update={"engines": {ENGINE: {"numpy": "2.4"}}, "sent_bytes": 7})
    shown = judge(replace(RUN, devices=(replace(device, evidence=described),))).devices[0]
    assert shown.fingerprint["machine"] == "aarch64"
    assert shown.fingerprint["engine"] == ENGINE
    assert shown.sent_bytes == 7
    assert judge(replace(RUN, devices=(DeviceRecord("board"),))).devices[0].fingerprint == {}


def test_a_run_is_complete_when_every_cell_is_settled() -> None:
    assert judge(RUN).complete
    assert not judge(replace(RUN, evidence={})).complete


PASS, FAIL, NA, OPEN, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.NA, Verdict.INCONCLUSIVE, Verdict.ERROR


@pytest.mark.parametrize(
    ("verdicts", "plain", "gated"),
    [
        ((PASS, NA), 0, 0),
        ((PASS, FAIL), 0, 1),
        ((PASS, OPEN), 0, 3),
        ((PASS, ERROR), 3, 3),
        ((FAIL, ERROR), 3, 1),
        ((FAIL, OPEN), 0, 1),
        ((), 3, 3),
    ],
)
def test_exit_codes(verdicts: tuple[Verdict, ...], plain: int, gated: int) -> None:
    results = run_of(*verdicts)
    assert (exit_code(results, gate=False), exit_code(results, gate=True)) == (plain, gated)


def test_pending_cells_are_incomplete() -> None:
    pending = judge(replace(RUN, evidence={}))
    assert (exit_code(pending, gate=False), exit_code(pending, gate=True)) == (3, 3)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [((FAIL, PASS), 0), ((PASS, PASS), 1), ((NA, PASS), 0), ((FAIL, FAIL), 1), ((ERROR, PASS), 3)],
)
def test_known_failures(verdicts: tuple[Verdict, ...], expected: int) -> None:
    """The first cell is known to fail: its FAIL does not break the gate, its PASS does."""
    assert exit_code(run_of(*verdicts), gate=True, known=[Known()]) == expected


def test_known_failures_are_those_of_one_device_model_and_precision() -> None:
    for other in (Known(device="x"), Known(model="x"), Known(precision="x")):
        assert exit_code(run_of(FAIL), gate=True, known=[other]) == 1
