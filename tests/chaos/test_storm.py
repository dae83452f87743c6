"""A coordinator that is killed and resumed ends as if nobody had disturbed it; and what a storm looks at."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.boards import RunningFleet
from tests.chaos.kills import Phase, moments, phase
from tests.chaos.remains import Remains, none_within
from tests.chaos.storm import storm
from tests.chaos.weathered import Weathered

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.mark.e2e
def test_a_killed_coordinator_frees_the_boards_and_resume_ends_as_an_undisturbed_run(
    fleet: RunningFleet, tmp_path: Path
) -> None:
    found = storm(fleet, tmp_path, kills=2, seed=2, precisions=("fp32", "w8-lowmem"), images=30)
    assert found.wrong == []
    assert found.kills.total() == 2


def started() -> dict[str, Any]:
    return {"kind": "run-started"}


def begun(precision: str) -> dict[str, Any]:
    return {"kind": "cell-started", "key": {"device": "a76", "precision": precision}}


def settled(precision: str, failure: object = None) -> dict[str, Any]:
    return {"kind": "cell", "evidence": {"key": {"precision": precision, "device": "a76"}, "failure": failure}}


@pytest.mark.parametrize(
    ("journal", "doing"),
    [
        ([], Phase.PREPARING),
        ([started()], Phase.CONNECTING),
        ([started(), {"kind": "device"}], Phase.CONNECTING),
        ([started(), begun("fp32")], Phase.CELL),
        ([started(), begun("fp32"), settled("fp32"), begun("fp16")], Phase.CELL),
        ([started(), begun("fp32"), begun("fp16"), settled("fp32")], Phase.CELL),
        ([started(), begun("fp32"), settled("fp32")], Phase.BETWEEN),
        ([started(), begun("fp32"), settled("fp32"), {"kind": "run-ended"}], Phase.ENDING),
        ([started(), {"kind": "run-ended"}], Phase.ENDING),
    ],
)
def test_what_a_coordinator_is_doing_stands_in_its_journal(journal: list[dict[str, Any]], doing: Phase) -> None:
    assert phase(journal) is doing


@pytest.mark.parametrize("seed", range(5))
def test_kills_fall_into_every_phase_and_mostly_into_cells(seed: int) -> None:
    plan = list(moments(20, random.Random(seed)))
    since = Counter(moment.since for moment in plan)
    assert since == {None: 3, "run-started": 3, "cell-started": 12, "run-ended": 2}
    assert [moment.since for moment in plan[-2:]] == ["run-ended"] * 2
    assert len({moment.after_s for moment in plan}) == 20
    assert plan == list(moments(20, random.Random(seed)))


def test_two_kills_both_fall_into_cells() -> None:
    assert [moment.since for moment in moments(2, random.Random(0))] == ["cell-started"] * 2


def cell(precision: str, **more: Any) -> dict[str, Any]:
    return {"device": "a76", "model": "b0", "precision": precision, "engine": "3.6.1", "verdict": "PASS", **more}


@pytest.fixture
def good() -> Weathered:
    cells = [cell("fp32", timing={"median_ms": 1.0}, variant="aa"), cell("fp16")]
    calm = {"run": {"complete": True}, "cells": [cell("fp32", timing={"median_ms": 9.0}, variant="bb"), cell("fp16")]}
    return Weathered(
        kills=Counter({Phase.CELL: 1, Phase.PREPARING: 2}),
        seconds=1.0,
        freed_s=2.0,
        calm=calm,
        results={"run": {"complete": True}, "cells": cells},
        journal=[settled("fp32", {"code": "interrupted"}), settled("fp32"), settled("fp16")],
        looked=1,
        unreaped=[],
        left=[],
        pieces=[],
    )


def test_a_storm_that_left_nothing_is_right(good: Weathered) -> None:
    assert good.wrong == []


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"kills": Counter({Phase.CELL: 1, Phase.PREPARING: 3})}, "too few kills within a cell"),
        ({"looked": 0}, "never looked"),
        ({"freed_s": float("inf")}, "not free in time"),
        ({"unreaped": ["farm-ray-x"]}, "not reaped by the next --resume: farm-ray-x"),
        ({"left": ["storm-3: 99 ray::IDLE"]}, "left: storm-3: 99 ray::IDLE"),
        ({"pieces": ["x.part"]}, "left: x.part"),
        ({"journal": [settled("fp32"), settled("fp32")]}, "twice"),
        ({"results": {"run": {"complete": False}, "cells": [cell("fp32"), cell("fp16")]}}, "not complete"),
        ({"results": {"run": {"complete": True}, "cells": [cell("fp32")]}}, "differs"),
        ({"results": {"run": {"complete": True}, "cells": [cell("fp32", verdict="FAIL"), cell("fp16")]}}, "differs"),
        ({"results": {"run": {"complete": True}, "cells": [cell("fp32"), cell("fp16"), cell("fp16")]}}, "twice"),
    ],
)
def test_whatever_is_lost_double_or_left_is_told(good: Weathered, lie: dict[str, Any], told: str) -> None:
    wrong = replace(good, **lie).wrong
    assert len(wrong) == 1
    assert told in wrong[0]


@pytest.fixture
def remains(tmp_path: Path) -> Remains:
    return Remains(RunningFleet(tmp_path, tmp_path, {}, -1), tmp_path, frozenset())


@pytest.fixture
def left_behind(remains: Remains) -> Iterator[int]:
    """A process that outlives whatever started it, and that nothing but its environment tells from others."""
    start = f"import subprocess; print(subprocess.Popen({SLEEP!r}, stdout=2, start_new_session=True).pid)"
    environment = remains.environment("storm-1")
    parent = subprocess.run([sys.executable, "-c", start], env=environment, stdout=subprocess.PIPE, check=True)
    pid = int(parent.stdout)
    yield pid
    os.kill(pid, 9)


def test_a_process_is_known_by_its_run_whoever_its_parent_is(remains: Remains, left_behind: int) -> None:
    (told,) = remains.processes("storm-2")
    assert told.startswith(f"storm-1: {left_behind} ")
    assert remains.processes("storm-1", "storm-2") == []
    assert told in remains.all()


def test_files_are_seen_and_waited_for(remains: Remains) -> None:
    assert none_within(0.0, remains.files) == []
    (remains.tmp / "farm-apart-x").mkdir()
    assert none_within(0.0, remains.files) == ["farm-apart-x"]
    answers = [["still"], ["still"], []]
    assert none_within(30.0, lambda: answers.pop(0)) == []


def test_who_holds_a_lease_or_is_on_a_board_is_seen(tmp_path: Path, remains: Remains) -> None:
    from tests.chaos.test_proofs import scene

    of = scene(tmp_path)
    lease = of.board.home / ".cache" / "farm" / "lease"
    lease.parent.mkdir(parents=True)
    looking = replace(remains, fleet=of.fleet)
    guest = subprocess.Popen(SLEEP, env={**os.environ, "FARM_BOARD": of.board.mark})
    with lease.open("w"):
        assert looking.holders() == [f"lease: {os.getpid()}"]
        assert none_within(0.0, looking.guests) == [f"on a board: {guest.pid}"]
        assert replace(looking, at_rest=frozenset({guest.pid})).guests() == []
    guest.kill()
    guest.wait()
    assert looking.holders() == looking.guests() == []


def test_phases_are_those_of_a_real_journal() -> None:
    """The kinds of events are the journal's own."""
    from harness.dispatch.events import JOURNAL_LINE

    kinds = json.dumps(JOURNAL_LINE.json_schema())
    for kind in ("run-started", "cell-started", "cell", "run-ended"):
        assert f'"{kind}"' in kinds
