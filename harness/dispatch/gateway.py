"""A gateway: one process a site that runs a lane a device and hands what happens to the coordinator.

It is made a Ray actor by `cluster`; nothing here needs Ray. The coordinator asks for events in turn
(`poll`). A coordinator that no longer asks is dead, and then the devices must not stay locked: the gateway
stops its lanes and ends.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harness import __version__
from harness.config.inventory import Device
from harness.dispatch.arrays import Array
from harness.dispatch.boundary import attempt
from harness.dispatch.events import CellFinished
from harness.dispatch.jobs import CellJob
from harness.dispatch.lane import Lane, LaneEvent, unsettled
from harness.dispatch.session import Services
from harness.dispatch.stopping import Yardstick, by_yardsticks
from harness.dispatch.worth import worth_measuring
from harness.errors import Problem
from harness.fleet.bootstrap import agent_archive
from harness.fleet.wheels import WheelHouse

ABANDONED_S = 10.0
_MAX_EVENTS = 200


@dataclass(frozen=True, slots=True)
class LaneDone:
    """A device's lane has ended; nothing more comes from it."""

    device: str


@dataclass(frozen=True, slots=True)
class Saved:
    """An array on its way to the evidence folder, named by its digest."""

    digest: str
    array: Array


GatewayEvent = LaneEvent | LaneDone | Saved


@dataclass(slots=True)
class Gateway:
    """The lanes of one site.

    Attributes:
        blobs: gives the bytes behind a digest; on a cluster it asks Ray's object store.
        digest: names an array by its content, as the evidence folder does.
        yardsticks: by model; what says that a cell needs no more images.
        leave: ends this process when the coordinator is gone.
    """

    run: str
    holder: str
    wheel_cache: Path
    blobs: Callable[[str], bytes]
    digest: Callable[[Array], str]
    yardsticks: Mapping[str, Yardstick] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    leave: Callable[[], None] = field(default=lambda: os._exit(3))
    _events: "queue.Queue[GatewayEvent]" = field(default_factory=queue.Queue)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _asked: float = 0.0

    def hello(self) -> Mapping[str, str]:
        """Return this side's version of the harness; start watching for the coordinator."""
        self._asked = self.clock()
        threading.Thread(target=self._watch, name="farm-watch", daemon=True).start()
        return {"harness": __version__, "pid": str(os.getpid())}

    def start(self, device: Device, jobs: Sequence[CellJob]) -> None:
        """Start a device's lane."""
        lane = Lane(
            device=device,
            jobs=tuple(jobs),
            services=self._services(),
            emit=self._events.put,
            save=self._save,
            worth=worth_measuring,
            stop=self._stop,
            certain=by_yardsticks(self.yardsticks),
        )
        thread = threading.Thread(target=self._run, args=(lane,), name=f"farm-{device.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        """Return what has happened since the last call; wait up to `wait_s` for something to happen."""
        self._asked = self.clock()
        events: list[GatewayEvent] = []
        try:
            events.append(self._events.get(timeout=wait_s))
            while len(events) < _MAX_EVENTS:
                events.append(self._events.get_nowait())
        except queue.Empty:
            pass
        self._asked = self.clock()
        return events

    def stop(self, wait_s: float) -> None:
        """Let the lanes end after the batch they are at; wait for them."""
        self._stop.set()
        until = self.clock() + wait_s
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - self.clock()))

    def _services(self) -> Services:
        return Services(
            run=self.run,
            holder=self.holder,
            archive=agent_archive(),
            wheels=WheelHouse(self.wheel_cache),
            blobs=self.blobs,
            clock=self.clock,
            now=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"),
            sleep=time.sleep,
        )

    def _run(self, lane: Lane) -> None:
        ended = attempt(lane.run)
        if isinstance(ended, Problem):
            for job in lane.left:
                self._events.put(CellFinished(at=lane.services.now(), evidence=unsettled(job, ended)))
        self._events.put(LaneDone(lane.device.name))

    def _save(self, array: Array) -> str:
        # The array travels ahead of the cell that names it, so the evidence is on disk when the cell is.
        digest = self.digest(array)
        self._events.put(Saved(digest, array))
        return digest

    def _watch(self) -> None:
        while self.clock() - self._asked < ABANDONED_S:
            time.sleep(1.0)
        self.stop(wait_s=5.0)
        self.leave()
