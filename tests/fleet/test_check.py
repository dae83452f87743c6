"""`farm check`: one answer for every device, whatever becomes of the others."""

from pathlib import Path

import pytest

from harness.config.inventory import Device
from harness.dispatch import session as session_module
from harness.errors import Code, TransportError
from harness.fleet.check import check_device, check_fleet
from tests.dispatch.builders import BOARD
from tests.dispatch.sessions import services
from tests.dispatch.stages import FACTS, Stage


def test_a_check_of_a_fleet_says_what_each_device_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(device: Device, **_: object) -> object:
        if device.name == "gone":
            raise TransportError(Code.DEVICE_UNREACHABLE, "no answer")
        if device.name == "defect":
            raise ZeroDivisionError("by zero")
        return Stage()

    Stage().put_on(monkeypatch)
    monkeypatch.setattr(session_module, "connect", connect)
    names = ["good", "gone", "defect", "good-2"]
    fleet = [BOARD.model_copy(update={"name": name}) for name in names]
    found = check_fleet(fleet, ["3.6.1"], services(tmp_path))
    assert [checkup.device.name for checkup in found] == names
    codes = [checkup.problem and checkup.problem.code for checkup in found]
    assert codes == [None, Code.DEVICE_UNREACHABLE, Code.INTERNAL, None]
    assert found[0].facts == FACTS


def test_a_device_that_no_engine_has_a_wheel_for_is_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Stage().put_on(monkeypatch)
    found = check_device(BOARD, ["3.6.1", "0.0.1"], services(tmp_path))
    assert found.problem is not None
    assert found.problem.code is Code.NO_WHEEL
    assert found.facts == FACTS
