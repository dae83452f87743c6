"""Waiting for a busy device: as long as was asked, telling for whom, and no longer."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.dispatch.patience import STEP_S, Patience, when_free
from harness.errors import Code, DeviceError
from tests.fleet.wires import HandClock


@dataclass
class Device:
    """Busy until a moment; every question takes a second."""

    free_at: float
    clock: HandClock = field(default_factory=HandClock)
    asked: int = 0
    told: list[str] = field(default_factory=list)

    def take(self) -> str:
        self.asked += 1
        self.clock.now += 1.0
        if self.clock.now < self.free_at:
            raise DeviceError(Code.DEVICE_BUSY, "Run 7 of anna@lab holds this device.")
        return "taken"

    def sleep(self, seconds: float) -> None:
        self.clock.now += seconds

    def wait(self, limit_s: float, stopped: Callable[[], bool] = bool) -> str:
        self.free_at += self.clock()
        patience = Patience(limit_s, stopped)
        return when_free(self.take, patience, clock=self.clock, sleep=self.sleep, tell=self.told.append)


def test_a_free_device_is_taken_at_once() -> None:
    device = Device(free_at=0.0)
    assert (device.wait(60.0), device.asked, device.told) == ("taken", 1, [])


def test_a_busy_one_is_waited_for_and_the_holder_named() -> None:
    """Asked after 1, 4 and 7 s: a second for each question, two in between."""
    device = Device(free_at=6.5)
    began = device.clock()
    assert device.wait(60.0) == "taken"
    assert (device.asked, device.clock() - began) == (3, 7.0)
    assert device.told == [
        "waiting, 59 s at most: Run 7 of anna@lab holds this device.",
        "waiting, 56 s at most: Run 7 of anna@lab holds this device.",
    ]


def test_the_limit_is_kept_and_told() -> None:
    device = Device(free_at=1000.0)
    began = device.clock()
    with pytest.raises(DeviceError, match=r"holds this device\. 10 s were waited in vain\.") as caught:
        device.wait(10.0)
    assert caught.value.problem.code is Code.DEVICE_BUSY
    assert 10.0 <= device.clock() - began <= 10.0 + STEP_S


def test_who_does_not_want_to_wait_does_not() -> None:
    device = Device(free_at=1000.0)
    with pytest.raises(DeviceError, match=r"holds this device\.$"):
        device.wait(0.0)
    assert (device.asked, device.told) == (1, [])


def test_a_run_that_is_ended_waits_for_nobody() -> None:
    device = Device(free_at=1000.0)
    with pytest.raises(DeviceError):
        device.wait(900.0, stopped=lambda: device.asked == 3)
    assert device.asked == 3


def test_other_failures_are_not_waited_for() -> None:
    clock = HandClock()

    def take() -> str:
        raise DeviceError(Code.DISK_FULL, "full")

    with pytest.raises(DeviceError, match="full"):
        when_free(take, Patience(60.0), clock=clock, sleep=lambda _: pytest.fail("waited"), tell=pytest.fail)
