"""What a device says against its own times."""

import pytest

from harness.evidence import CellEvidence, Health, RawTiming
from harness.judge.condition import condition, moved
from harness.judge.timing import summarise
from harness.results import Condition, Steady
from tests.judge.builders import key

LIMITS = Steady(max_temp_rise_c=15.0, max_clock_change=0.1)
COOL = Health(temperatures={"cpu": 50.0, "skin": 30.0}, clocks_mhz={"policy0": 600.0, "policy4": 2000.0})


def later(**changes: object) -> tuple[Health, Health]:
    return COOL, COOL.model_copy(update=changes)


@pytest.mark.parametrize(
    ("states", "says"),
    [
        ((), ""),
        ((COOL,), ""),
        ((Health(), Health()), ""),
        (later(), ""),
        (later(temperatures={"cpu": 65.0, "skin": 30.0}), ""),
        (later(temperatures={"cpu": 50.0, "skin": 45.5}), "heated up"),
        (later(temperatures={"cpu": 34.0}), "heated up"),
        (later(temperatures={"gpu": 99.0}), ""),
        (later(clocks_mhz={"policy0": 600.0, "policy4": 1800.0}), ""),
        (later(clocks_mhz={"policy0": 600.0, "policy4": 1799.0}), "clock moved"),
        (later(clocks_mhz={"policy0": 600.0, "policy4": 2201.0}), "clock moved"),
        (later(clocks_mhz={"policy0": 1800.0, "policy4": 2000.0}), ""),
        (later(clocks_mhz={}), ""),
        (later(throttled=("under-voltage",)), "throttled"),
        ((COOL.model_copy(update={"throttled": ("thermal-cpufreq-0 at 3",)}), COOL), "throttled"),
    ],
)
def test_what_moved(states: tuple[Health, ...], says: str) -> None:
    assert moved(states, LIMITS) == says


def test_such_times_are_marked_and_kept() -> None:
    quiet = RawTiming(first_ms=20.0, samples_ms=(10.0,) * 9, output_unchanged=True, health=later())
    assert (summarise(quiet, emulated=False).stable, summarise(quiet, emulated=False).grade) == (True, "stable")
    slowed = quiet.model_copy(update={"health": later(throttled=("clock capped",))})
    found = summarise(slowed, emulated=False)
    assert (found.stable, found.grade, found.median_ms) == (False, "throttled", 10.0)


def test_the_limits_are_the_devices_own() -> None:
    warmer = RawTiming(
        first_ms=20.0,
        samples_ms=(10.0,) * 9,
        output_unchanged=True,
        health=later(temperatures={"cpu": 53.0, "skin": 30.0}),
    )
    assert summarise(warmer, emulated=False).stable
    assert summarise(warmer, emulated=False, limits=Steady(max_temp_rise_c=2.0)).grade == "heated up"


def test_the_condition_over_a_cell() -> None:
    timing = RawTiming(
        first_ms=1.0,
        samples_ms=(1.0,),
        output_unchanged=True,
        health=(
            Health(
                temperatures={"cpu": 71.0},
                clocks_mhz={"policy0": 1800.0},
                governor="performance",
                memory_available_mb=256,
            ),
            Health(temperatures={"cpu": 77.0}, clocks_mhz={"policy0": 1500.0}, throttled=("throttled",)),
        ),
    )
    cell = CellEvidence(
        key=key(),
        timing=timing,
        health=(
            Health(
                temperatures={"cpu": 48.0},
                clocks_mhz={"policy0": 600.0},
                battery_percent=81.0,
                charging=True,
                governor="schedutil",
                busy=0.25,
                memory_available_mb=700,
                disk_free_mb=90,
            ),
            Health(
                temperatures={"cpu": 70.0},
                battery_percent=79.0,
                charging=False,
                governor="schedutil",
                busy=0.99,  # our own cell's, if anybody's
                memory_available_mb=512,
                disk_free_mb=95,
                throttled=("throttled", "under-voltage"),
            ),
        ),
    )
    assert condition(cell) == Condition(
        hottest_c=(48.0, 77.0),
        clock_mhz=(1800.0, 1500.0),
        battery_percent=(81.0, 79.0),
        charging=False,
        governor=("schedutil", "performance"),
        busy=0.25,
        memory_mb=256,
        disk_mb=90,
        throttled=("throttled", "under-voltage"),
    )


def test_a_device_that_tells_nothing_has_none() -> None:
    assert condition(CellEvidence(key=key())) is None
    assert condition(CellEvidence(key=key(), health=(Health(busy=0.0),))) == Condition(busy=0.0)
    assert condition(CellEvidence(key=key(), health=(Health(load1=3.0), Health(busy=1.0)))) is None
