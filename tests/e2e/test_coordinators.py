"""Several coordinators on one fleet take turns; one that is frozen, or a gateway that is killed, keeps no board."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise, product
from pathlib import Path

import pytest

from harness.agent import lease
from harness.emulator.board import Board
from tests.boards import RunningFleet
from tests.chaos.blows import COORDINATOR_FROZEN, GATEWAY_FROZEN, GATEWAY_KILLED
from tests.chaos.coordinators import deal
from tests.e2e.farm import experiment, farm, farm_run
from tests.e2e.started import Started

pytestmark = pytest.mark.e2e

A72, A76 = "cortex-a72", "cortex-a76"
RUN = "0123456789ab"


@contextmanager
def held_by_a_colleague(boards: Iterable[Board]) -> Iterator[None]:
    """Hold these boards, so that whoever comes waits, however fast or slow this machine is."""
    with ExitStack() as stack:
        for board in boards:
            path = board.home / ".cache" / "farm" / "lease"
            stack.callback(os.close, lease.take(str(path), RUN, "a colleague"))
        yield


def test_two_coordinators_take_turns_on_every_board(fleet: RunningFleet, tmp_path: Path) -> None:
    asked = experiment(tmp_path / "asked.yaml", precisions=["fp32", "w8-lowmem"], images=20)
    with held_by_a_colleague(fleet.boards.values()):
        runs = [Started.of(fleet.inventory, asked, tmp_path / name) for name in ("one", "two")]
        for run, device in product(runs, (A72, A76)):
            run.wait_until_said(device, "waiting", f"Run {RUN} of a colleague holds this device")
    done = [run.finish() for run in runs]
    assert [one.code for one in done] == [0, 0], [one.output for one in done]
    for one in done:
        assert {cell["status"] for cell in one.results["cells"]} == {"measured"}
    for device in (A72, A76):
        spans = sorted(span for run in runs for span in run.spans(device))
        assert len(spans) == 4
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans)), spans


def test_who_holds_a_board_is_told_and_who_does_not_wait_skips_it(fleet: RunningFleet, tmp_path: Path) -> None:
    asked = experiment(tmp_path / "asked.yaml", precisions=["fp32"], images=5)
    with held_by_a_colleague(fleet.boards.values()):
        who = farm("who", "-i", str(fleet.inventory))
        assert who.returncode == 0, who.stdout + who.stderr
        assert [who.stdout.count(word) for word in ("held by a colleague", f"run {RUN}")] == [2, 2]
        refused = farm_run(fleet.inventory, asked, tmp_path / "hasty", "--wait", "0")
    assert refused.code == 3, refused.output
    busy = [cell["error"] for cell in refused.results["cells"]]
    assert len(busy) == 2
    assert all(error["code"] == "device-busy" and RUN in error["message"] for error in busy)
    free = farm("who", "-i", str(fleet.inventory))
    assert free.stdout.count("free") == 2


def test_a_killed_gateway_costs_its_own_site(fleet: RunningFleet, tmp_path: Path) -> None:
    found = deal(GATEWAY_KILLED, fleet, tmp_path, resume=False)
    assert found.wrong == []


def test_the_device_of_a_frozen_gateway_is_free_in_seconds(fleet: RunningFleet, tmp_path: Path) -> None:
    found = deal(GATEWAY_FROZEN, fleet, tmp_path, resume=False, patient=False)
    assert found.wrong == []


def test_the_devices_of_a_frozen_coordinator_are_free_in_seconds(fleet: RunningFleet, tmp_path: Path) -> None:
    found = deal(COORDINATOR_FROZEN, fleet, tmp_path, resume=False)
    assert found.wrong == []
