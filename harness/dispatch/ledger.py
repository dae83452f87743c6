"""What is under way in a run, and where what comes of it goes."""

import contextlib
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.dispatch.arrays import ArrayStore
from harness.dispatch.cluster import Remote
from harness.dispatch.events import CellFinished, CellStarted, DeviceReady, Progress
from harness.dispatch.gateway import GatewayEvent, LaneDone, Saved
from harness.dispatch.jobs import CellJob
from harness.dispatch.journal import Journal
from harness.dispatch.lane import unsettled
from harness.dispatch.snapshot import Snapshot
from harness.errors import FarmError
from harness.evidence import CellKey

POLL_S = 0.5


def utc_now() -> str:
    """Return the time as the journal has it, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Listener:
    """Hears what goes on; the console shows it. Does nothing by itself."""

    def stage(self, text: str) -> None:
        """Something is being prepared."""

    def planned(self, snapshot: Snapshot, left: int) -> None:
        """Measuring begins; `left` cells are to be measured."""

    def happened(self, event: CellFinished | CellStarted | DeviceReady | Progress) -> None:
        """A device or a cell moved on."""


@dataclass(slots=True)
class Ledger:
    """What is under way, and where what comes of it goes."""

    listener: Listener
    journal: Journal
    store: ArrayStore
    measured: int = 0
    _open: dict[str, dict[CellKey, CellJob]] = field(default_factory=dict)
    _site: dict[str, str] = field(default_factory=dict)
    _sent: dict[str, int] = field(default_factory=dict)

    @property
    def sent_bytes(self) -> int:
        """Bytes sent to all devices so far."""
        return sum(self._sent.values())

    def begin(self, device: str, site: str, jobs: list[CellJob]) -> None:
        """Expect a device's jobs to be settled."""
        self._open[device] = {job.key: job for job in jobs}
        self._site[device] = site

    def busy(self, site: str) -> bool:
        """Whether anything is still to come from a site."""
        return any(self._site[device] == site for device in self._open)

    def take(self, events: list[GatewayEvent]) -> None:
        """Keep what a gateway told."""
        for event in events:
            if isinstance(event, Saved):
                self.store.save(event.array)
            elif isinstance(event, LaneDone):
                self._open.pop(event.device, None)
            elif isinstance(event, Progress):
                self.listener.happened(event)
            else:
                self.keep(event)

    def keep(self, event: CellFinished | CellStarted | DeviceReady) -> None:
        """Write an event to the journal and tell the listener."""
        if isinstance(event, CellFinished):
            self._open.get(event.evidence.key.device, {}).pop(event.evidence.key, None)
            self.measured += event.evidence.failure is None and event.evidence.unsupported is None
        if isinstance(event, DeviceReady):
            self._sent[event.device.name] = event.device.sent_bytes
        self.journal.write(event)
        self.listener.happened(event)

    def lose(self, site: str, error: FarmError) -> None:
        """Settle as errors what a lost site had still to do."""
        for device in [name for name in self._open if self._site[name] == site]:
            for job in list(self._open[device].values()):
                self.keep(CellFinished(at=utc_now(), evidence=unsettled(job, error.problem)))
            self._open.pop(device)


def serve(gateways: dict[str, Remote], ledger: Ledger) -> None:
    """Ask the gateways until all their lanes are done; one that is lost settles its cells.

    Each is asked by itself: while one that is frozen does not answer, the others would think themselves abandoned.
    """
    asked: dict[Future[list[GatewayEvent]], str] = {}
    pool = ThreadPoolExecutor(max_workers=max(1, len(gateways)), thread_name_prefix="farm-ask")
    try:
        for site in filter(ledger.busy, gateways):
            asked[pool.submit(gateways[site].poll, POLL_S)] = site
        while asked:
            for reply in wait(asked, return_when=FIRST_COMPLETED).done:
                site = asked.pop(reply)
                _hear(ledger, site, reply)
                if ledger.busy(site):
                    asked[pool.submit(gateways[site].poll, POLL_S)] = site
    except KeyboardInterrupt:
        # What a gateway has handed over already is nowhere else.
        for reply in wait(asked, timeout=2 * POLL_S).done:
            _hear(ledger, asked[reply], reply)
        raise
    finally:
        pool.shutdown(wait=False)


def farewell(gateways: dict[str, Remote], ledger: Ledger, wait_s: float) -> None:
    """Let the lanes of all gateways end, all at the same time, and keep what they still tell."""
    with ThreadPoolExecutor(max_workers=max(1, len(gateways)), thread_name_prefix="farm-stop") as pool:
        for events in pool.map(lambda gateway: _last_words(gateway, wait_s), gateways.values()):
            ledger.take(events)


def _hear(ledger: Ledger, site: str, reply: "Future[list[GatewayEvent]]") -> None:
    try:
        ledger.take(reply.result())
    except FarmError as error:
        ledger.lose(site, error)


def _last_words(gateway: Remote, wait_s: float) -> list[GatewayEvent]:
    events: list[GatewayEvent] = []
    with contextlib.suppress(FarmError):
        gateway.stop(wait_s)
        while portion := gateway.poll(0.0):
            events += portion
    return events
