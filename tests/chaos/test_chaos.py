"""One fault of every family, all in one run, and one that does not strike; `make chaos` has the rest."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.boards import RunningFleet
from tests.chaos import strikes
from tests.chaos.faults import FAULTS, MEASURED
from tests.chaos.play import Play

pytestmark = pytest.mark.e2e


def test_a_fault_costs_its_own_device_and_no_other(fleet: RunningFleet, tmp_path: Path) -> None:
    often = [fault for fault in FAULTS if fault.often]
    assert {fault.family for fault in often} == {fault.family for fault in FAULTS}
    reboot = next(fault for fault in often if fault.name == "reboot")
    # All its cells are measured, as after a reboot; and since there was none, it shows nothing.
    feint = replace(reboot, name="feint", strike=strikes.nothing)
    played = Play(tmp_path, fleet, [*often, feint]).run(280)
    *others, found, innocent = played.outcomes
    assert [one.story for one in (*others, innocent) if not one.right] == []
    assert found.found == (MEASURED,) * 3
    assert len(found.unproven) == 3
    assert not found.right
    assert played.code == played.expected_code == 3
