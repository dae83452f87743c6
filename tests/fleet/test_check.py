"""`farm check`: one answer for every device, whatever becomes of the others."""

from pathlib import Path

import pytest

from harness.commands.check import lines
from harness.config.health import HealthPlan
from harness.config.inventory import Device
from harness.dispatch import session as session_module
from harness.errors import Blame, Code, TransportError
from harness.fleet.check import Checkup, check_device, check_fleet
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


def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **plan: object) -> Checkup:
    Stage().put_on(monkeypatch)
    device = BOARD.model_copy(update={"health": HealthPlan.model_validate(plan)})
    return check_device(device, ["3.6.1"], services(tmp_path))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"max_start_temp_c": 45}, "cpu at 50 °C, above 45"),
        ({"max_load": 0.05}, "others use 10 % of its cores, above 5"),
        ({"min_memory_mb": 701}, "700 MB of memory free, below 701"),
        ({"min_disk_mb": 1048576, "max_start_temp_c": 45}, "above 45; 9000 MB of disk free, below 1048576"),
    ],
)
def test_a_gate_that_is_shut_makes_a_device_unfit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: dict[str, object], words: str
) -> None:
    found = checked(tmp_path, monkeypatch, wait_s=70, **plan)
    assert found.problem is not None
    assert (found.problem.code, found.problem.blame) == (Code.DEVICE_UNFIT, Blame.DEVICE)
    assert words in found.problem.message
    assert "A run waits for it, 70 s at most" in found.problem.message
    shown = lines(found)
    assert shown[0].startswith("✗ a76: device-unfit (device): Not fit just now:")
    assert len(shown) == 2


def test_gates_that_a_device_does_not_tell_of_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(tmp_path, monkeypatch, min_battery_percent=20, max_start_temp_c=55)
    assert (found.problem, found.unread) == (None, ("min_battery_percent",))
    good, note = lines(found)
    assert good.startswith("✓ a76: aarch64")
    assert note == "    It does not tell what `health:` asks for, so these gates never shut: min_battery_percent"


def test_open_gates_are_not_spoken_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(tmp_path, monkeypatch, max_start_temp_c=50, max_load=0.1, min_memory_mb=700, min_disk_mb=1)
    assert (found.problem, found.unread, len(lines(found))) == (None, (), 1)


@pytest.mark.parametrize(("cpus", "words"), [((4, 5), "not there: 4, 5"), ((0, 7), "not there: 7")])
def test_cores_that_are_not_there_are_the_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpus: tuple[int, ...], words: str
) -> None:
    stage = Stage().put_on(monkeypatch)
    stage.facts["cpus"] = [0, 1, 2, 3]
    found = check_device(BOARD.model_copy(update={"cpus": cpus}), ["3.6.1"], services(tmp_path))
    assert found.problem is not None
    assert (found.problem.code, found.problem.blame) == (Code.CORES_ABSENT, Blame.USER)
    assert words in found.problem.message
    assert found.problem.what_to_do == "Name some of the cores 0, 1, 2, 3 in `cpus:`, or leave it out."


def test_cores_that_are_there_and_devices_that_do_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = BOARD.model_copy(update={"cpus": (0, 3)})
    for told in ([0, 1, 2, 3], None, "0-3", [], ["0"], [True]):
        stage = Stage().put_on(monkeypatch)
        stage.facts["cpus"] = told
        assert check_device(device, ["3.6.1"], services(tmp_path)).problem is None, told


def test_a_hot_phone_that_hides_its_battery_hears_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(tmp_path, monkeypatch, min_battery_percent=20, max_start_temp_c=45)
    assert [line.strip()[:12] for line in lines(found)] == ["✗ a76: devic", "Cool, charge", "It does not "]
