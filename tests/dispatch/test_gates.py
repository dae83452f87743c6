"""Gates before a cell: what shuts them, how long they are waited for; and the rest between two cells."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.config.health import HealthPlan
from harness.dispatch.gates import STEP_S, shut, unread, when_fit
from harness.dispatch.healthy import cool_down
from harness.errors import Blame, Code, DeviceError
from harness.evidence import Health
from tests.dispatch.builders import BOARD
from tests.dispatch.sessions import FakeAgent, services, session
from tests.fleet.wires import HandClock

FULL = HealthPlan(max_start_temp_c=60.0, min_battery_percent=30, max_load=0.25, min_memory_mb=300, min_disk_mb=500)
GOOD = Health(
    temperatures={"skin": 35.0, "cpu": 60.0},
    battery_percent=30.0,
    busy=0.25,
    memory_available_mb=300,
    disk_free_mb=500,
)


def test_at_its_limits_everything_is_still_good() -> None:
    assert list(shut(GOOD, FULL)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperatures": {"skin": 35.0, "cpu": 60.5}}, "cpu at 60.5 °C, above 60"),
        ({"battery_percent": 29.0}, "battery at 29 %, below 30"),
        ({"battery_percent": 29.0, "charging": False}, "battery at 29 %, below 30, not charging"),
        ({"busy": 0.26}, "others use 26 % of its cores, above 25"),
        ({"memory_available_mb": 299}, "299 MB of memory free, below 300"),
        ({"disk_free_mb": 499}, "499 MB of disk free, below 500"),
    ],
)
def test_each_gate_is_named(change: dict[str, object], words: str) -> None:
    assert list(shut(GOOD.model_copy(update=change), FULL)) == [words]


def test_what_a_device_does_not_tell_is_no_gate_and_what_is_not_asked_neither() -> None:
    assert list(shut(Health(), FULL)) == []
    assert list(shut(Health(temperatures={"cpu": 120.0}, battery_percent=0.0, busy=1.0), HealthPlan())) == []


@dataclass
class Cooling:
    """A device that loses a degree a second."""

    degrees: float
    clock: HandClock = field(default_factory=HandClock)
    told: list[str] = field(default_factory=list)

    def look(self) -> Health:
        return Health(temperatures={"cpu": self.degrees})

    def sleep(self, seconds: float) -> None:
        self.clock.now += seconds
        self.degrees -= seconds

    def wait(self, plan: HealthPlan, stopped: Callable[[], bool] = bool) -> Health:
        return when_fit(self.look, plan, clock=self.clock, sleep=self.sleep, tell=self.told.append, stopped=stopped)


def test_a_hot_device_is_waited_for() -> None:
    device = Cooling(72.0)
    assert device.wait(HealthPlan(max_start_temp_c=60.0)).temperatures == {"cpu": 57.0}
    assert device.told[0] == "waiting, 300 s at most: cpu at 72 °C, above 60"
    assert len(device.told) == 3, f"one look each {STEP_S} s"


def test_one_that_stays_hot_is_unfit_when_the_time_is_over() -> None:
    with pytest.raises(DeviceError, match=r"not fit after 10 s: cpu at 80 °C") as caught:
        Cooling(90.0).wait(HealthPlan(max_start_temp_c=60.0, wait_s=10.0))
    assert (caught.value.problem.code, caught.value.problem.blame) == (Code.DEVICE_UNFIT, Blame.DEVICE)


def test_a_run_that_ends_waits_no_longer() -> None:
    with pytest.raises(DeviceError) as caught:
        Cooling(90.0).wait(HealthPlan(max_start_temp_c=60.0), stopped=lambda: True)
    assert caught.value.problem.code is Code.INTERRUPTED


def test_gates_that_can_shut_nothing() -> None:
    assert list(unread(GOOD, FULL)) == []
    assert list(unread(Health(), HealthPlan())) == []
    everything = ["max_start_temp_c", "min_battery_percent", "max_load", "min_memory_mb", "min_disk_mb"]
    assert list(unread(Health(), FULL)) == everything
    # Nothing is free, nothing is used: it is told all the same.
    told = Health(temperatures={"cpu": 0.0}, battery_percent=0.0, busy=0.0, memory_available_mb=0, disk_free_mb=0)
    assert list(unread(told, FULL)) == []


@pytest.mark.parametrize(("seconds", "slept"), [(0.0, []), (2.5, [1.0, 1.0, 0.5])])
def test_the_rest_between_two_cells(tmp_path: Path, seconds: float, slept: list[float]) -> None:
    clock, found = HandClock(), []

    def sleep(step: float) -> None:
        found.append(step)
        clock.now += step

    board = BOARD.model_copy(update={"health": HealthPlan(cool_down_s=seconds)})
    shared = replace(services(tmp_path, clock), sleep=sleep)
    cool_down(session(FakeAgent(clock), shared, board), stopped=bool)
    assert found == slept


def test_a_run_that_ends_does_not_rest(tmp_path: Path) -> None:
    slept: list[float] = []
    board = BOARD.model_copy(update={"health": HealthPlan(cool_down_s=60.0)})
    cool_down(session(FakeAgent(), services(tmp_path, slept=slept), board), stopped=lambda: True)
    assert slept == []
