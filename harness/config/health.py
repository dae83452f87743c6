"""What a device's health must be before a cell begins, and how steady it must stay while times are taken."""

from typing import Annotated

from pydantic import PlainValidator

from harness.config.fields import checked_text, not_negative, real, whole, wrong
from harness.config.sections import Section


def _governor(value: object) -> str:
    text = checked_text(value)
    if not text.replace("_", "").isalnum() or len(text) > 15:
        raise wrong("a governor's name, as `performance`", "see scaling_available_governors on the device")
    return text


class HealthPlan(Section):
    """Gates before a cell, limits while it is timed; None: no such gate. What a device does not tell is no gate.

    Attributes:
        max_start_temp_c: hottest zone at which a cell may begin, degrees Celsius.
        min_battery_percent: charge of a phone's battery below which no cell begins.
        max_load: share (0..1) of all cores' time that others may use before a cell.
        min_memory_mb, min_disk_mb: what must be free, MB.
        cool_down_s: pause between two cells, seconds.
        wait_s: how long a gate that is shut is waited for, seconds.
        max_temp_rise_c: rise of any zone while times are taken, above which they are called unstable.
        max_clock_change: relative change of the fastest core's clock, above which they are.
        set_aside_after: cells in a row that may fail before the device is set aside for the run.
        governor: frequency governor to set for the time of the run, put back after it; None changes nothing.
    """

    max_start_temp_c: Annotated[float, real(-40, 150)] | None = None
    min_battery_percent: Annotated[int, whole(1, 100)] | None = None
    max_load: Annotated[float, real(0, 1)] | None = None
    min_memory_mb: Annotated[int, whole(1, 1 << 20)] | None = None
    min_disk_mb: Annotated[int, whole(1, 1 << 20)] | None = None
    cool_down_s: Annotated[float, not_negative(86400)] = 0.0
    wait_s: Annotated[float, not_negative(7 * 86400)] = 300.0
    max_temp_rise_c: Annotated[float, real(0, 200)] = 15.0
    max_clock_change: Annotated[float, real(0, 1)] = 0.1
    set_aside_after: Annotated[int, whole(1, 1000)] = 5
    governor: Annotated[str, PlainValidator(_governor)] | None = None
