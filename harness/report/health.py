"""How the devices were while they were measured, where they tell anything."""

from collections.abc import Callable, Sequence

from harness.report import names, numbers
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, Condition, DeviceResult, RunResults

LEGEND = (
    "Over all cells of a device: the hottest zone, the fastest core's clock while it was timed, the battery, the most"
    " that others used of its cores right before a cell, the least memory and disk that was free."
    " Times taken while the processor was slowed down, or its clock or heat moved, are not called stable."
)

_Told = Sequence[Condition]


def health(results: RunResults) -> str:
    """Return a line for every device that told something; '' where none did. What none told has no column."""
    rows = [row for device in results.devices if (row := _row(device, results.cells))]
    columns = [0, *(n for n in range(1, 1 + len(_COLUMNS)) if any(row[n] for row in rows))]
    headings = ["device", *(heading for heading, _, _ in _COLUMNS)]
    right = [at for at, n in enumerate(columns) if n and _COLUMNS[n - 1][1]]
    return table([headings[n] for n in columns], [[row[n] for n in columns] for row in rows], right) if rows else ""


def _row(device: DeviceResult, cells: tuple[CellResult, ...]) -> list[str]:
    told = [cell.condition for cell in cells if cell.key.device == device.name and cell.condition is not None]
    return [markdown(names.device(device)), *(words(told) for _, _, words in _COLUMNS)] if told else []


def _governors(told: _Told) -> str:
    # In the order in which they were seen: another one behind an arrow is one that somebody set meanwhile.
    seen = [governor for one in told for governor in one.governor]
    return markdown(" → ".join(governor for n, governor in enumerate(seen) if seen[n - 1 : n] != [governor]), 120)


def _heat_at_first(told: _Told) -> str:
    heats = [one.hottest_c for one in told if one.hottest_c is not None]
    return numbers.fixed(heats[0][0]) if heats else ""


def _heat_at_most(told: _Told) -> str:
    heats = [one.hottest_c for one in told if one.hottest_c is not None]
    return numbers.fixed(max(most for _, most in heats)) if heats else ""


def _clocks(told: _Told) -> str:
    clocks = [clock for one in told if one.clock_mhz is not None for clock in one.clock_mhz]
    return f"{min(clocks):.0f} to {max(clocks):.0f}" if clocks else ""


def _battery(told: _Told) -> str:
    charges = [one.battery_percent for one in told if one.battery_percent is not None]
    return f"{charges[0][0]:g} to {charges[-1][1]:g}" if charges else ""


def _charging(told: _Told) -> str:
    seen = {one.charging for one in told if one.charging is not None}
    if len(seen) > 1:
        return "at times"
    return "yes" if True in seen else "no" if seen else ""


def _busy(told: _Told) -> str:
    shares = [one.busy for one in told if one.busy is not None]
    return f"{100 * max(shares):.0f}" if shares else ""


def _memory(told: _Told) -> str:
    free = [one.memory_mb for one in told if one.memory_mb is not None]
    return str(min(free)) if free else ""


def _disk(told: _Told) -> str:
    free = [one.disk_mb for one in told if one.disk_mb is not None]
    return str(min(free)) if free else ""


def _slowed(told: _Told) -> str:
    count = sum(bool(one.throttled) for one in told)
    return str(count) if count else ""


def _by(told: _Told) -> str:
    return markdown(", ".join(dict.fromkeys(word for one in told for word in one.throttled)), 120)


_COLUMNS: tuple[tuple[str, bool, Callable[[_Told], str]], ...] = (
    ("governor", False, _governors),
    ("°C at first", True, _heat_at_first),
    ("°C at most", True, _heat_at_most),
    ("clock, MHz", False, _clocks),
    ("battery, %", False, _battery),
    ("charging", False, _charging),
    ("others' load, %", True, _busy),
    ("memory free, MB", True, _memory),
    ("disk free, MB", True, _disk),
    ("cells slowed", True, _slowed),
    ("by", False, _by),
)
"""Heading, whether it is aligned right, and what stands there."""
