"""A whole run judged."""

import itertools
from dataclasses import replace

import pytest

from harness.errors import Code, FarmError
from harness.judge.run import judge
from harness.judge.stored import DeviceRecord
from harness.results import RunResults, Verdict

from .builders import ENGINE, answers, board, evidence, key, model, stored

REFERENCE = answers()
RUN = stored(evidence(REFERENCE), REFERENCE, model(REFERENCE, REFERENCE.argmax(axis=1)))


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
