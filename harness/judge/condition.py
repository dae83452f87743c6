"""Whether a device kept still while it was timed, and how it was before and after a cell."""

from collections.abc import Iterator, Mapping, Sequence

from harness.evidence import CellEvidence, Health
from harness.results import Condition, Steady

THROTTLED, CLOCK, HEAT = "throttled", "clock moved", "heated up"


def moved(states: Sequence[Health], limits: Steady) -> str:
    """Say why times taken between these states are not steady: throttled, clock moved, heated up; '' where they are.

    The clock is that of the fastest frequency policy: on cores of several kinds the idle ones may do what they like.
    Heat is that of any one zone. What a device does not tell is taken to be steady.
    """
    if any(state.throttled for state in states):
        return THROTTLED
    if len(states) < 2:
        return ""
    first, last = states[0], states[-1]
    before, after = _fastest(first.clocks_mhz), _fastest(last.clocks_mhz)
    if before and after and abs(after - before) > limits.max_clock_change * before:
        return CLOCK
    return HEAT if any(rise > limits.max_temp_rise_c for rise in _rises(first, last)) else ""


def condition(evidence: CellEvidence) -> Condition | None:
    """Return how the device was over a cell, from all looks at it in their order; None where nothing was readable."""
    timed = evidence.timing.health if evidence.timing else ()
    before, after = evidence.health[:1], evidence.health[1:]
    states = (*before, *timed, *after)
    heats = [heat for state in states if (heat := _fastest(state.temperatures)) is not None]
    clocks = [clock for state in timed if (clock := _fastest(state.clocks_mhz)) is not None]
    charges = [state.battery_percent for state in states if state.battery_percent is not None]
    charging = [state.charging for state in states if state.charging is not None]
    found = Condition(
        hottest_c=(heats[0], max(heats)) if heats else None,
        clock_mhz=(clocks[0], clocks[-1]) if clocks else None,
        battery_percent=(charges[0], charges[-1]) if charges else None,
        charging=charging[-1] if charging else None,
        governor=tuple(dict.fromkeys(state.governor for state in states if state.governor)),
        busy=before[0].busy if before else None,
        memory_mb=min((s.memory_available_mb for s in states if s.memory_available_mb is not None), default=None),
        disk_mb=min((s.disk_free_mb for s in states if s.disk_free_mb is not None), default=None),
        throttled=tuple(dict.fromkeys(words for state in states for words in state.throttled)),
    )
    return None if found == Condition() else found


def _fastest(figures: Mapping[str, float]) -> float | None:
    return max(figures.values(), default=None)


def _rises(first: Health, last: Health) -> Iterator[float]:
    for zone, before in first.temperatures.items():
        if zone in last.temperatures:
            yield abs(last.temperatures[zone] - before)
