"""What is under way in a run, and where what comes of it goes."""

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
            self._sent[event.device.name] = max(self._sent.get(event.device.name, 0), event.device.sent_bytes)
        self.journal.write(event)
        self.listener.happened(event)

    def lose(self, site: str, error: FarmError) -> None:
        """Settle as errors what a lost site had still to do."""
        for device in [name for name in self._open if self._site[name] == site]:
            for job in list(self._open[device].values()):
                self.keep(CellFinished(at=utc_now(), evidence=unsettled(job, error.problem)))
            self._open.pop(device)


def serve(gateways: dict[str, Remote], ledger: Ledger) -> None:
    """Ask the gateways in turn until all their lanes are done; a gateway that is lost settles its cells."""
    live = {site: gateway for site, gateway in gateways.items() if ledger.busy(site)}
    while live:
        for site, gateway in list(live.items()):
            try:
                ledger.take(gateway.poll(POLL_S / len(live)))
            except FarmError as error:
                ledger.lose(site, error)
            if not ledger.busy(site):
                del live[site]
