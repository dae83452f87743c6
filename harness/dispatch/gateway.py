"""A gateway: one process a site that runs a lane a device and hands what happens to the coordinator.

It is made a Ray actor by `cluster`; nothing here needs Ray. The coordinator asks for events in turn (`poll`), or says
at least that it lives (`attend`). One that does neither is dead, and then the devices must not stay locked: the
gateway stops its lanes and ends.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import __version__
from harness.config.inventory import Device
from harness.dispatch.arrays import Array
from harness.dispatch.boundary import attempt
from harness.dispatch.events import CellFinished
from harness.dispatch.jobs import CellJob
from harness.dispatch.lane import Lane, LaneEvent, unsettled
from harness.dispatch.session import Services, real_services
from harness.dispatch.sharing import Decided
from harness.dispatch.stopping import ByYardsticks, Yardstick
from harness.dispatch.took_effect import took_effect
from harness.errors import Problem

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


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the gateways of a run have in common.

    Attributes:
        holder: who others are told holds the devices.
        yardsticks: by model; what says that a cell needs no more images.
        share: whether a cell may share the verdict of one that gave the same outputs.
        wait_s: how long a device that somebody else holds is waited for.
    """

    run: str
    holder: str
    wheel_cache: Path
    yardsticks: Mapping[str, Yardstick] = field(default_factory=dict)
    share: bool = True
    wait_s: float = 0.0


@dataclass(slots=True)
class Gateway:
    """The lanes of one site.

    Attributes:
        blobs: gives the bytes behind a digest; on a cluster it asks Ray's object store.
        digest: names an array by its content, as the evidence folder does.
        leave: ends this process when the coordinator is gone.
    """

    assigned: Assignment
    blobs: Callable[[str], bytes]
    digest: Callable[[Array], str]
    clock: Callable[[], float] = time.monotonic
    leave: Callable[[], None] = field(default=lambda: os._exit(3))
    _events: "queue.Queue[GatewayEvent]" = field(default_factory=queue.Queue)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _asked: float = 0.0
    _decided: Decided = field(default_factory=Decided)
    _services: Services = field(init=False)

    def __post_init__(self) -> None:
        # One for all lanes: what is fetched or built for one of them is there for the others.
        assigned = self.assigned
        self._services = real_services(
            run=assigned.run,
            holder=assigned.holder,
            wheel_cache=assigned.wheel_cache,
            blobs=self.blobs,
            clock=self.clock,
        )

    def hello(self) -> Mapping[str, str]:
        """Return this side's version of the harness."""
        return {"harness": __version__, "pid": str(os.getpid())}

    def start(self, device: Device, jobs: Sequence[CellJob]) -> None:
        """Start a device's lane; with the first one, watching for the coordinator."""
        self._asked = self.clock()
        if not self._threads:
            # Not before: until the gateways of all other sites are up, nobody asks this one, and it holds nothing.
            threading.Thread(target=self._watch, name="farm-watch", daemon=True).start()
        assigned = self.assigned
        lane = Lane(
            device=device,
            jobs=tuple(jobs),
            services=self._services,
            emit=self._events.put,
            save=self._save,
            took_effect=took_effect,
            stop=self._stop,
            stopping=ByYardsticks(assigned.yardsticks, self._decided if assigned.share else None),
            wait_s=assigned.wait_s,
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

    def attend(self) -> None:
        """Take note that the coordinator lives, though it has no time for events."""
        self._asked = max(self._asked, self.clock())

    def stop(self, wait_s: float) -> None:
        """Let the lanes end after the batch they are at; wait for them."""
        self._stop.set()
        until = self.clock() + wait_s
        self._asked = until  # who waits for this answer is there, and cannot ask for events meanwhile
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - self.clock()))

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
