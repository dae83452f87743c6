"""Several coordinators on one fleet take turns; one that is frozen, or a gateway that is killed, keeps no board."""

import signal
from itertools import pairwise
from pathlib import Path

import pytest

from tests.boards import RunningFleet
from tests.chaos.blows import COORDINATOR_FROZEN, GATEWAY_FROZEN, GATEWAY_KILLED
from tests.chaos.coordinators import deal
from tests.e2e.farm import experiment, farm
from tests.e2e.started import Started

pytestmark = pytest.mark.e2e

A72, A76 = "cortex-a72", "cortex-a76"


def test_two_coordinators_take_turns_on_every_board(fleet: RunningFleet, tmp_path: Path) -> None:
    asked = experiment(tmp_path / "long.yaml", precisions=["fp32", "w8-lowmem"], images=60, points=2.0)
    first = Started.of(fleet.inventory, asked, tmp_path / "one")
    first.wait_until_begun(A72, A76)
    asked = experiment(tmp_path / "short.yaml", precisions=["fp32", "w8-lowmem"], images=10)
    runs = [first, Started.of(fleet.inventory, asked, tmp_path / "two")]
    done = [run.finish() for run in runs]
    assert [one.code for one in done] == [0, 0], [one.output for one in done]
    for one in done:
        assert {cell["status"] for cell in one.results["cells"]} == {"measured"}
    for device in (A72, A76):
        spans = sorted(span for run in runs for span in run.spans(device))
        assert len(spans) == 4
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans)), spans
    # The one that came second said whom it waited for.
    assert "waiting" in done[1].output
    assert "holds this device" in done[1].output


def test_who_holds_a_board_is_told_and_who_does_not_wait_skips_it(fleet: RunningFleet, tmp_path: Path) -> None:
    asked = experiment(tmp_path / "long.yaml", precisions=["fp32", "w8-lowmem"], images=60, points=2.0)
    holding = Started.of(fleet.inventory, asked, tmp_path / "holding")
    try:
        holding.wait_for("cell-started")
        run = next(event["snapshot"]["run"] for event in holding.events() if event["kind"] == "run-started")
        who = farm("who", "-i", str(fleet.inventory))
        assert who.returncode == 0, who.stdout + who.stderr
        assert f"run {run}" in who.stdout
        hasty = experiment(tmp_path / "short.yaml", precisions=["fp32"], images=5)
        refused = Started.of(fleet.inventory, hasty, tmp_path / "hasty", "--wait", "0").finish()
    finally:
        holding.process.send_signal(signal.SIGINT)
        holding.finish()
    assert refused.code == 3, refused.output
    busy = [cell["error"] for cell in refused.results["cells"] if cell["error"]]
    assert busy
    assert all(error["code"] == "device-busy" and run in error["message"] for error in busy)
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
