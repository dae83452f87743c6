"""A device in use: connected, leased, with an agent that serves cells."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.config.inventory import Device
from harness.dispatch.jobs import CellJob
from harness.errors import FarmError
from harness.evidence import DeviceEvidence
from harness.fleet.bootstrap import AgentArchive
from harness.fleet.client import AgentClient, EngineFacts
from harness.fleet.connection import connect
from harness.fleet.deadline import Clock, Deadline
from harness.fleet.link import SILENCE_S, Link
from harness.fleet.start_agent import start_agent
from harness.fleet.wheels import Platform, Wheel, WheelHouse

AGENT_START_S = 60.0
TRANSFER_S = 900.0
ENGINE_START_S = 300.0
BYE_S = 5.0

Report = Callable[[str, int, int, str], None]
"""Takes what is going on: text, done, total, unit."""


@dataclass(frozen=True, slots=True)
class Services:
    """What lanes share and what tests replace; `blobs` gives the bytes behind a digest."""

    run: str
    holder: str
    archive: AgentArchive
    wheels: WheelHouse
    blobs: Callable[[str], bytes]
    clock: Clock
    now: Callable[[], str]
    sleep: Callable[[float], None]


@dataclass(slots=True)
class Session:
    """One agent on one device, and what is known of the device so far."""

    device: Device
    client: AgentClient
    link: Link
    services: Services
    facts: dict[str, object]
    report: Report
    sent_before: int = 0
    engines: dict[str, EngineFacts] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)

    @property
    def evidence(self) -> DeviceEvidence:
        """The device's description of itself, with the engines that were started."""
        engines: dict[str, dict[str, object]] = {
            version: {"engine": facts.engine, "numpy": facts.numpy, "banner": facts.banner}
            for version, facts in self.engines.items()
        }
        return DeviceEvidence(name=self.device.name, facts=self.facts, engines=engines, sent_bytes=self.sent_bytes)

    @property
    def sent_bytes(self) -> int:
        """All bytes sent to the device so far, frames and the agent itself."""
        return self.sent_before + self.link.sent_bytes

    def start_engine(self, version: str) -> None:
        """Bring an engine's wheels to the device and start its zygote, once.

        Raises:
            FarmError: no-wheel, engine-start-failed, or what a transfer may raise.
        """
        if version in self.engines:
            return
        self.report(f"fetching MNN {version}", 0, 0, "")
        wheels = self.services.wheels.resolve(Platform.of(self.facts), version)
        self._send_wheels(wheels)
        self.report(f"starting MNN {version}", 0, 0, "")
        self.engines[version] = self.client.engine(version, wheels, deadline=self._within(ENGINE_START_S))

    def provide(self, job: CellJob, *, batches: int) -> None:
        """Bring a cell's model and its first `batches` batches to the device, what it lacks of them."""
        wanted = [digest for digest in job.objects[: 1 + batches] if digest not in self._held]
        self._send({digest: lambda d=digest: self.services.blobs(d) for digest in wanted})  # type: ignore[misc]

    def _send_wheels(self, wheels: tuple[Wheel, ...]) -> None:
        self._send({wheel.digest: lambda path=wheel.path: _bytes(path) for wheel in wheels})  # type: ignore[misc]

    def _send(self, sources: dict[str, Callable[[], bytes]]) -> None:
        deadline = self._within(TRANSFER_S)
        missing = self.client.missing(list(sources), deadline=deadline) if sources else []
        for digest in missing:
            data = sources[digest]()
            done = 0

            def sent(count: int, total: int = len(data)) -> None:
                nonlocal done
                done += count
                self.report("sending", done, total, "bytes")

            self.client.put(digest, data, deadline=deadline, sent=sent)
        self._held.update(sources)

    def _within(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self.services.clock)


@contextlib.contextmanager
def open_session(device: Device, services: Services, report: Report) -> Iterator[Session]:
    """Connect to a device, start the agent and take the lease; end all of it on the way out.

    Raises:
        TransportError: the device cannot be reached, or the link is lost.
        FarmError: the device refuses, is busy, or cannot run the agent.
    """
    report("connecting", 0, 0, "")
    connection = connect(device, deadline=Deadline.after(device.deadlines.connect_s, services.clock))
    try:
        starting = Deadline.after(AGENT_START_S, services.clock)
        channel, rest, sent = start_agent(connection.transport, device, services.archive, deadline=starting)
        link = Link(channel, clock=services.clock)
        link.start(rest)
        client = AgentClient(link)
        try:
            facts = client.hello(
                run=services.run,
                holder=services.holder,
                lease=device.lease or f"{device.workdir}/lease",
                heartbeat_s=SILENCE_S,
                deadline=starting,
            )
            yield Session(device, client, link, services, facts, report, sent_before=sent)
        finally:
            with contextlib.suppress(FarmError):
                client.bye(deadline=Deadline.after(BYE_S, services.clock))
            link.close()
    finally:
        connection.close()


def _bytes(path: Path) -> bytes:
    return path.read_bytes()
