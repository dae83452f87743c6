"""A device in use: connected, leased, with an agent that serves cells."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harness.config.device import DEFAULT_LEASE
from harness.config.inventory import Device
from harness.dispatch.jobs import CellJob
from harness.dispatch.patience import NOT_AT_ALL, Patience, when_free
from harness.errors import Code, DeviceError, FarmError
from harness.evidence import DeviceEvidence
from harness.fleet import cores
from harness.fleet.bootstrap import AgentArchive, agent_archive
from harness.fleet.client import AgentClient, CellSetup, EngineFacts
from harness.fleet.connection import connect
from harness.fleet.deadline import GRACE_S, Clock, Deadline
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


def real_services(
    *, run: str, holder: str, wheel_cache: Path, blobs: Callable[[str], bytes], clock: Clock = time.monotonic
) -> Services:
    """Return the services that are no replacements: this machine's clocks, its agent and its wheels."""
    return Services(
        run=run,
        holder=holder,
        archive=agent_archive(),
        wheels=WheelHouse(wheel_cache),
        blobs=blobs,
        clock=clock,
        now=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"),
        sleep=time.sleep,
    )


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
        deadline = self._within(ENGINE_START_S + GRACE_S)
        self.engines[version] = self.client.engine(version, wheels, start_s=ENGINE_START_S, deadline=deadline)

    def open_cell(self, setup: CellSetup, *, deadline: Deadline) -> None:
        """Open a cell; where the inventory names cores that are not there, say which are.

        Raises:
            FarmError: as `AgentClient.open`.
        """
        try:
            self.client.open(setup, deadline=deadline)
        except DeviceError as error:
            if error.problem.code is not Code.CORES_ABSENT:
                raise
            raise DeviceError(Code.CORES_ABSENT, error.problem.message, cores.advice(self.facts)) from error

    def provide(self, job: CellJob, *, batches: int, deadline: Deadline | None = None) -> None:
        """Bring a cell's model and its first `batches` batches to the device, what it lacks of them.

        `deadline` is that of the cell, once it is open: sending more of its batches may not outlive it.
        """
        wanted = [digest for digest in job.objects(batches) if digest not in self._held]
        self._send({digest: lambda d=digest: self.services.blobs(d) for digest in wanted}, deadline)  # type: ignore[misc]

    def look_again(self) -> None:
        """Ask the device anew what it holds: it has removed something that was damaged."""
        self._held.clear()

    def _send_wheels(self, wheels: tuple[Wheel, ...]) -> None:
        self._send({wheel.digest: lambda path=wheel.path: _bytes(path) for wheel in wheels})  # type: ignore[misc]

    def _send(self, sources: dict[str, Callable[[], bytes]], within: Deadline | None = None) -> None:
        deadline = within.within(TRANSFER_S) if within else self._within(TRANSFER_S)
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


@dataclass(frozen=True, slots=True)
class Visit:
    """An agent that was started and has not taken the lease yet; `sent` counts the bytes it took to start it."""

    client: AgentClient
    link: Link
    sent: int
    lease: str


@contextlib.contextmanager
def open_visit(device: Device, services: Services, report: Report) -> Iterator[Visit]:
    """Connect to a device and start the agent; end both on the way out.

    Raises:
        TransportError: the device cannot be reached, or the link is lost.
        FarmError: the device refuses, or cannot run the agent.
    """
    report("connecting", 0, 0, "")
    connection = connect(device, deadline=Deadline.after(device.deadlines.connect_s, services.clock))
    try:
        starting = Deadline.after(AGENT_START_S, services.clock)
        channel, rest, sent = start_agent(connection.transport, device, services.archive, deadline=starting)
        link = Link(channel, clock=services.clock, abort=connection.abort)
        link.start(rest)
        client = AgentClient(link)
        try:
            yield Visit(client, link, sent, lease=device.lease or DEFAULT_LEASE)
        finally:
            with contextlib.suppress(FarmError):
                client.bye(deadline=Deadline.after(BYE_S, services.clock))
            link.close()
    finally:
        connection.close()


@contextlib.contextmanager
def open_session(
    device: Device, services: Services, report: Report, patience: Patience = NOT_AT_ALL
) -> Iterator[Session]:
    """Visit a device and take the lease, waiting for it with `patience`; end all of it on the way out.

    Raises:
        TransportError: the device cannot be reached, or the link is lost.
        FarmError: the device refuses, is busy, or cannot run the agent.
    """
    with open_visit(device, services, report) as visit:

        def take() -> dict[str, object]:
            return visit.client.hello(
                run=services.run,
                holder=services.holder,
                lease=visit.lease,
                device=device.name,
                silence_s=SILENCE_S,
                governor=device.health.governor,
                deadline=Deadline.after(AGENT_START_S, services.clock),
            )

        facts = when_free(
            take,
            patience,
            clock=services.clock,
            sleep=services.sleep,
            tell=lambda words: report(words, 0, 0, ""),
        )
        yield Session(device, visit.client, visit.link, services, facts, report, sent_before=visit.sent)


def _bytes(path: Path) -> bytes:
    return path.read_bytes()
