"""A lane whose device does what a script says: connecting and measuring are replaced, the rest is real."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from harness.config.health import HealthPlan
from harness.config.inventory import Device
from harness.dispatch import lane as lane_module
from harness.dispatch.events import CellFinished, CellStarted, DeviceReady
from harness.dispatch.jobs import CellJob
from harness.dispatch.lane import Lane, LaneEvent
from harness.dispatch.patience import NOT_AT_ALL, Patience
from harness.dispatch.session import Report, Services
from harness.evidence import CellEvidence, CellKey, DeviceEvidence, Health
from harness.fleet.deadline import Deadline
from tests.dispatch.builders import BOARD, measured
from tests.dispatch.sessions import services

Outcome = Exception | Callable[[], CellEvidence | None] | None
"""What becomes of an attempt at a cell: measured (None), an exception, or something done on the way."""

Look = Health | Exception
"""What becomes of a look at a device's health."""


@dataclass
class Opened:
    """A session that was opened; it has an engine once a cell was tried."""

    number: int
    device: Device
    services: Services
    report: Report
    looks: list[Look]
    engines: dict[str, str] = field(default_factory=dict)
    measured: bool = False

    @property
    def client(self) -> "Opened":
        return self

    def health(self, *, busy_over_s: float, deadline: Deadline) -> Health:
        # Before a cell, the load of others is measured; after it nothing waits for that.
        assert (busy_over_s == 0.0) is self.measured
        self.measured = False
        assert not deadline.expired
        look = self.looks.pop(0) if self.looks else Health()
        if isinstance(look, Exception):
            raise look
        return look

    @property
    def evidence(self) -> DeviceEvidence:
        return DeviceEvidence(name=BOARD.name, facts={"session": self.number}, sent_bytes=self.number)


@dataclass
class Script:
    """What happens: `connecting`, `measuring` and `looks` are used up one by one, and then all goes well.

    There are two looks at the device's health a cell: before it and after it.
    """

    connecting: list[Exception | None] = field(default_factory=list)
    measuring: list[Outcome] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    plan: HealthPlan = field(default_factory=HealthPlan)
    opened: int = 0
    open_now: int = 0
    attempts: list[CellKey] = field(default_factory=list)
    answered: list[CellKey] = field(default_factory=list)
    events: list[LaneEvent] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    patience: Patience = NOT_AT_ALL

    @contextmanager
    def open_session(self, device: Device, shared: Services, report: Report, patience: Patience) -> Iterator[Opened]:
        report("connecting", 0, 0, "")
        self.patience = patience
        failure = self.connecting.pop(0) if self.connecting else None
        if failure is not None:
            raise failure
        self.opened += 1
        self.open_now += 1
        try:
            yield Opened(self.opened, device, shared, report, self.looks)
        finally:
            self.open_now -= 1

    def measure(self, session: Opened, job: CellJob, **_: object) -> CellEvidence:
        assert self.open_now == 1
        session.engines["3.6.1"] = "started"
        self.attempts.append(job.key)
        outcome = self.measuring.pop(0) if self.measuring else None
        if isinstance(outcome, Exception):
            raise outcome
        found = outcome() if outcome is not None else None
        session.measured = True
        self.answered.append(job.key)
        return found or measured(job.key)

    @property
    def finished(self) -> list[CellEvidence]:
        return [event.evidence for event in self.events if isinstance(event, CellFinished)]

    @property
    def settled(self) -> list[CellEvidence]:
        """What was settled, the looks at the device left out."""
        return [evidence.model_copy(update={"health": ()}) for evidence in self.finished]

    @property
    def begun(self) -> list[CellKey]:
        return [event.key for event in self.events if isinstance(event, CellStarted)]

    @property
    def devices(self) -> list[DeviceEvidence]:
        return [event.device for event in self.events if isinstance(event, DeviceReady)]

    def codes(self) -> list[str | None]:
        """Return, for every settled cell in order, its failure's code or None."""
        return [None if one.failure is None else one.failure.code.value for one in self.settled]


def play(script: Script, jobs: tuple[CellJob, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Lane:
    """Run a lane by a script."""
    monkeypatch.setattr(lane_module, "open_session", script.open_session)
    monkeypatch.setattr(lane_module, "measure", script.measure)
    lane = Lane(
        device=BOARD.model_copy(update={"health": script.plan}),
        jobs=jobs,
        services=services(folder, slept=script.slept),
        emit=script.events.append,
        save=cast(Callable[[object], str], str),
        took_effect=lambda *_: True,
        stop=script.stop,
        wait_s=77.0,
    )
    lane.run()
    assert script.open_now == 0
    return lane
