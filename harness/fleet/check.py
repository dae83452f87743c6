"""`farm check`: does every device answer, and is it fit to be measured on?"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.config.inventory import Device
from harness.dispatch.boundary import attempt
from harness.dispatch.gates import BUSY_OVER_S, shut, unread
from harness.dispatch.healthy import look
from harness.dispatch.session import Services, open_session
from harness.errors import Code, DeviceError, Problem
from harness.fleet.cores import refuse_absent
from harness.fleet.wheels import Platform, lock_text

AT_ONCE = 32
"""Connections that are being made at one time; sshd throttles many to one host."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """What a visit to a device showed; fit where there is no problem.

    Attributes:
        unread: gates of its `health:` that can shut nothing, since the device does not tell.
    """

    device: Device
    facts: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    problem: Problem | None = None
    unread: tuple[str, ...] = ()


def check_fleet(devices: Sequence[Device], engines: Sequence[str], services: Services) -> list[Checkup]:
    """Visit every device, several at once; return one checkup each, in the order given."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(lambda device: check_device(device, engines, services), devices))


def check_device(device: Device, engines: Sequence[str], services: Services) -> Checkup:
    """Connect, start the agent, take the lease, read facts and health, look for wheels; leave nothing running."""
    began = time.monotonic()
    facts: dict[str, object] = {}
    blind: list[str] = []

    def visit() -> None:
        with open_session(device, services, lambda *_: None) as session:
            facts.update(session.facts)
            state = look(session, BUSY_OVER_S)
        blind.extend(unread(state, device.health))
        refuse_absent(device, facts)
        for engine in engines:
            lock_text(Platform.of(facts), engine)
        reasons = "; ".join(shut(state, device.health))
        if reasons:
            waits = f"A run waits for it, {device.health.wait_s:.0f} s at most."
            raise DeviceError(Code.DEVICE_UNFIT, f"Not fit just now: {reasons}. {waits}")

    outcome = attempt(visit)
    problem = outcome if isinstance(outcome, Problem) else None
    return Checkup(device, facts, time.monotonic() - began, problem, tuple(blind))
