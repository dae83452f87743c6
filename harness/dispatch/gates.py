"""Gates before a cell: a device that is too hot, too empty or too busy is waited for."""

from collections.abc import Callable, Iterator

from harness.config.health import HealthPlan
from harness.errors import Code, DeviceError
from harness.evidence import Health
from harness.fleet.deadline import Deadline

STEP_S = 5.0
"""Between two looks at a gate that is shut."""

BUSY_OVER_S = 0.5
"""Over how long the load of others is measured."""


def shut(state: Health, plan: HealthPlan) -> Iterator[str]:
    """Yield, in words, the gates that a device's state does not pass; what it does not tell is no gate."""
    hottest = max(state.temperatures.items(), key=lambda zone: zone[1], default=None)
    if plan.max_start_temp_c is not None and hottest is not None and hottest[1] > plan.max_start_temp_c:
        yield f"{hottest[0]} at {hottest[1]:g} °C, above {plan.max_start_temp_c:g}"
    charge, least = state.battery_percent, plan.min_battery_percent
    if least is not None and charge is not None and charge < least:
        yield f"battery at {charge:g} %, below {least:g}{', not charging' if state.charging is False else ''}"
    if plan.max_load is not None and state.busy is not None and state.busy > plan.max_load:
        yield f"others use {100 * state.busy:.0f} % of its cores, above {100 * plan.max_load:.0f}"
    for what, free, needed in (
        ("memory", state.memory_available_mb, plan.min_memory_mb),
        ("disk", state.disk_free_mb, plan.min_disk_mb),
    ):
        if needed is not None and free is not None and free < needed:
            yield f"{free} MB of {what} free, below {needed}"


def unread(state: Health, plan: HealthPlan) -> Iterator[str]:
    """Yield, by their names in the inventory, the gates that can shut nothing: the device does not tell."""
    for name, limit, told in (
        ("max_start_temp_c", plan.max_start_temp_c, state.temperatures or None),
        ("min_battery_percent", plan.min_battery_percent, state.battery_percent),
        ("max_load", plan.max_load, state.busy),
        ("min_memory_mb", plan.min_memory_mb, state.memory_available_mb),
        ("min_disk_mb", plan.min_disk_mb, state.disk_free_mb),
    ):
        if limit is not None and told is None:
            yield name


def when_fit(
    look: Callable[[], Health],
    plan: HealthPlan,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    tell: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Health:
    """Return the device's state as soon as it passes all gates.

    Args:
        look: asks the device.
        plan: the gates, and how long they are waited for.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
        tell: hears what is waited for.
        stopped: tells that the run is being ended.

    Raises:
        DeviceError: device-unfit when the waiting is over; interrupted; whatever `look` raises.
    """
    until = Deadline.after(plan.wait_s, clock)
    while True:
        state = look()
        reasons = "; ".join(shut(state, plan))
        if not reasons:
            return state
        if stopped():
            raise DeviceError(Code.INTERRUPTED, f"The run was interrupted while waiting: {reasons}.")
        if until.expired:
            raise DeviceError(Code.DEVICE_UNFIT, f"Still not fit after {plan.wait_s:.0f} s: {reasons}.")
        tell(f"waiting, {until.left:.0f} s at most: {reasons}")
        sleep(min(STEP_S, until.left))
