"""The section on the devices' health."""

import pytest

from harness.report.health import health
from harness.report.markdown import render
from harness.results import Condition
from tests.report.builders import results


def test_devices_that_tell_nothing_get_no_section() -> None:
    assert health(results()) == ""
    assert "## Device health" not in render(results())


def test_what_a_device_went_through() -> None:
    """Two cells: 48 to 71 degrees, then 69 to 77; the clock from 1800 to 1500 MHz; slowed down in one of them."""
    run = results()
    first, second, *_ = [cell for cell in run.cells if cell.key.device == run.cells[0].key.device]
    cool = Condition(hottest_c=(48.0, 71.0), clock_mhz=(1800.0, 1800.0), battery_percent=(81.0, 79.0))
    hot = Condition(
        hottest_c=(69.0, 77.0), clock_mhz=(1800.0, 1500.0), battery_percent=(79.0, 75.5), throttled=("<b>hot|",)
    )
    told = {first.key: cool, second.key: hot}
    cells = tuple(cell.model_copy(update={"condition": told.get(cell.key)}) for cell in run.cells)
    lines = health(run.model_copy(update={"cells": cells})).splitlines()
    assert len(lines) == 3, "a heading, a rule and the one device that told something"
    heading, words = cells_of(lines[0]), cells_of(lines[2])
    assert heading[1:] == ["°C at first", "°C at most", "clock, MHz", "battery, %", "cells slowed", "by"]
    assert words[1:6] == ["48.00", "77.00", "1500 to 1800", "81 to 75.5", "1"]
    assert "<b>" not in lines[2]


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize(
    ("charging", "words"), [((True, True), "yes"), ((False, False), "no"), ((True, False), "at times"), ((), "")]
)
def test_load_memory_disk_charging_and_governors(charging: tuple[bool, ...], words: str) -> None:
    """The worst of two cells; a governor that was another in the second one is shown as a change."""
    run = results()
    first, second, *_ = [cell for cell in run.cells if cell.key.device == run.cells[0].key.device]
    one = Condition(governor=("schedutil",), busy=0.05, memory_mb=700, disk_mb=9000)
    other = Condition(governor=("schedutil", "powersave@x"), busy=0.317, memory_mb=650, disk_mb=12000)
    told = {first.key: one, second.key: other}
    for cell, on in zip((first, second), charging, strict=False):
        told[cell.key] = told[cell.key].model_copy(update={"charging": on})
    cells = tuple(cell.model_copy(update={"condition": told.get(cell.key)}) for cell in run.cells)
    heading, _, row = health(run.model_copy(update={"cells": cells})).splitlines()
    shown = dict(zip(cells_of(heading), cells_of(row), strict=True))
    assert shown.pop("governor") == "schedutil → powersave@<!-- -->x"
    assert shown.pop("charging", "") == words
    expected = {"others' load, %": "32", "memory free, MB": "650", "disk free, MB": "9000"}
    assert {name: text for name, text in shown.items() if name != "device"} == expected
