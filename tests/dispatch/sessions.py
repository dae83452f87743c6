"""A device as the dispatch sees it: a session whose agent computes something simple and fails when told to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from harness.config.inventory import Device
from harness.dispatch.session import Services, Session
from harness.errors import Code, TransportError
from harness.evidence import Probe, RawTiming
from harness.fleet.bootstrap import AgentArchive
from harness.fleet.client import AgentClient, Batch, CellSetup, EngineFacts, FloatArray
from harness.fleet.deadline import Deadline
from harness.fleet.link import Link
from harness.fleet.wheels import Platform, Wheel, WheelHouse
from tests.dispatch.builders import AT, BOARD
from tests.fleet.wires import HandClock

CLASSES = 3


@dataclass
class FakeAgent:
    """Answers as an agent does; `failures` maps an operation (and its how-manieth call) to an exception."""

    clock: HandClock = field(default_factory=HandClock)
    failures: dict[tuple[str, int], Exception] = field(default_factory=dict)
    takes_s: dict[str, float] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    setups: list[CellSetup] = field(default_factory=list)
    deadlines: dict[str, float] = field(default_factory=dict)
    sent_bytes: int = 0

    def _called(self, name: str, deadline: Deadline) -> None:
        self.calls.append(name)
        self.deadlines[name] = deadline.left
        self.clock.now += self.takes_s.get(name, 0.0)
        failure = self.failures.get((name, self.calls.count(name)))
        if failure is not None:
            raise failure

    def missing(self, digests: Sequence[str], *, deadline: Deadline) -> list[str]:
        self._called("missing", deadline)
        return [digest for digest in digests if digest not in self.held]

    def put(self, digest: str, data: bytes, *, deadline: Deadline, sent: Callable[[int], None]) -> None:
        self._called("put", deadline)
        if deadline.expired:
            raise TransportError(Code.CONNECTION_LOST, "too slow")
        self.held.add(digest)
        self.sent_bytes += len(data)
        sent(len(data))

    def engine(self, version: str, wheels: Sequence[Wheel], *, start_s: float, deadline: Deadline) -> EngineFacts:
        assert deadline.left > start_s + 1.0, "the device must be able to say that it failed"
        self._called("engine", deadline)
        assert {wheel.digest for wheel in wheels} <= self.held
        return EngineFacts(version, "2.1", "banner", unpacked=True)

    def open(self, setup: CellSetup, *, deadline: Deadline) -> None:
        self.setups.append(setup)
        self._called("open", deadline)
        assert setup.model in self.held

    def probe(self, setup: CellSetup, batch: Batch, *, deadline: Deadline) -> Probe:  # noqa: ARG002
        self._called("probe", deadline)
        return Probe(tensors=7)

    def infer(self, setup: CellSetup, batch: Batch, *, first: int, count: int, deadline: Deadline) -> FloatArray:  # noqa: ARG002
        self._called("infer", deadline)
        assert batch.digest in self.held
        number = int(batch.digest, 16)
        rows = [[number, first + row, count] for row in range(count)]
        return np.array(rows, np.float32)

    def time(self, setup: CellSetup, batch: Batch, *, warmup: int, repeats: int, deadline: Deadline) -> RawTiming:  # noqa: ARG002
        self._called("time", deadline)
        return RawTiming(first_ms=float(warmup), samples_ms=(1.0,) * repeats, output_unchanged=True)

    def close_cell(self, setup: CellSetup, *, deadline: Deadline) -> float | None:  # noqa: ARG002
        self._called("close", deadline)
        return 80.5


class FakeWheels:
    """One wheel for every platform, or a failure."""

    def __init__(self, folder: Path, failure: Exception | None = None) -> None:
        self._wheel = Wheel("mnn.whl", folder / "mnn.whl", "e" * 64)
        self._wheel.path.write_bytes(b"wheel")
        self._failure = failure

    def resolve(self, platform: Platform, engine: str) -> tuple[Wheel, ...]:  # noqa: ARG002
        if self._failure is not None:
            raise self._failure
        return (self._wheel,)


def services(
    folder: Path, clock: HandClock | None = None, slept: list[float] | None = None, no_wheel: Exception | None = None
) -> Services:
    return Services(
        run="run-1",
        holder="me@here",
        archive=AgentArchive(b"agent"),
        wheels=cast(WheelHouse, FakeWheels(folder, no_wheel)),
        blobs=lambda digest: digest.encode(),
        clock=clock or HandClock(),
        now=lambda: AT,
        sleep=(slept if slept is not None else []).append,
    )


@dataclass
class Reports:
    """What a session said that it is at."""

    said: list[tuple[str, int, int, str]] = field(default_factory=list)

    def __call__(self, text: str, done: int, total: int, unit: str) -> None:
        self.said.append((text, done, total, unit))


def session(
    agent: FakeAgent,
    shared: Services,
    device: Device = BOARD,
    report: Callable[[str, int, int, str], None] | None = None,
) -> Session:
    return Session(
        device,
        cast(AgentClient, agent),
        cast(Link, agent),
        shared,
        {"machine": "aarch64", "isa": ["fp16"], "cpus": [0, 1]},
        report or Reports(),
        sent_before=1000,
    )
