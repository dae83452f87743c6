"""A cell between two looks at the device's health."""

import contextlib
from collections.abc import Callable

from harness.dispatch.gates import BUSY_OVER_S, when_fit
from harness.dispatch.session import Session
from harness.errors import FarmError
from harness.evidence import CellEvidence, Health
from harness.fleet.deadline import Deadline

LOOK_S = 30.0
_STEP_S = 1.0


def in_health(session: Session, measure: Callable[[], CellEvidence], stopped: Callable[[], bool]) -> CellEvidence:
    """Measure once the device is fit; note in the evidence how it was before and after.

    Raises:
        DeviceError: device-unfit, interrupted.
        FarmError: whatever `measure` raises, or the first look.
    """
    plan, services = session.device.health, session.services
    before = when_fit(
        lambda: look(session, BUSY_OVER_S),
        plan,
        clock=services.clock,
        sleep=services.sleep,
        tell=lambda words: session.report(words, 0, 0, ""),
        stopped=stopped,
    )
    found = measure()
    states = [before]
    # Where the link is gone by now, what was measured before stands, and the next cell will tell.
    with contextlib.suppress(FarmError):
        states.append(look(session, 0.0))
    return found.model_copy(update={"health": tuple(states)})


def cool_down(session: Session, stopped: Callable[[], bool]) -> None:
    """Let the device rest between two cells for as long as its inventory says."""
    seconds, services = session.device.health.cool_down_s, session.services
    until = Deadline.after(seconds, services.clock)
    while seconds > 0 and not until.expired and not stopped():
        session.report(f"cooling down, {until.left:.0f} s", 0, 0, "")
        services.sleep(min(_STEP_S, until.left))


def look(session: Session, busy_over_s: float) -> Health:
    """Return how the device is; its load is measured over some seconds where `busy_over_s` is not 0.

    Raises:
        FarmError: the link is lost, or the device's answer makes no sense.
    """
    return session.client.health(busy_over_s=busy_over_s, deadline=Deadline.after(LOOK_S, session.services.clock))
