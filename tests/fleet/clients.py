"""A client whose device answers what a test wants it to."""

from collections.abc import Callable
from typing import cast

import pytest

from harness.agent.frames import Frame, Header
from harness.errors import Code, DeviceError
from harness.evidence import Probe, RawTiming
from harness.fleet.client import AgentClient, Batch, CellSetup, FloatArray
from harness.fleet.deadline import Deadline
from harness.fleet.link import Link
from tests.fleet.wires import soon

SETUP = CellSetup(
    cell="m/fp32/3.6.1",
    engine="3.6.1",
    model="a" * 64,
    runtime={"backend": 0, "numThread": 4, "precision": 1, "memory": 0, "power": 0},
    hints=((3, 1),),
    input_name="image",
    output_name="logits",
    cpus=(4, 5),
    deadline_s=600.0,
)
BATCH = Batch("b" * 64, 25, (0.5,), (0.25,))


class Answering:
    """A link that answers every request with one header and payload, and keeps what it was asked."""

    def __init__(self, header: Header, payload: bytes = b"") -> None:
        self._answer = header, payload
        self.asked: list[Header] = []

    def request(self, header: Header, payload: bytes = b"", *, deadline: Deadline) -> Frame:
        assert not deadline.expired
        assert payload == b""
        self.asked.append(header)
        echo: Header = {name: header[name] for name in ("cell", "batch") if name in header}
        answer, data = self._answer
        return {**echo, **answer}, data


def client(header: Header, payload: bytes = b"") -> AgentClient:
    return AgentClient(cast(Link, Answering(header, payload)))


def code(action: Callable[[], object]) -> Code:
    with pytest.raises(DeviceError) as caught:
        action()
    return caught.value.problem.code


def hello(of: AgentClient) -> dict[str, object]:
    return of.hello(run="r", holder="me@here", lease="~/lease", device="pi5-01", silence_s=12.0, deadline=soon())


def infer(of: AgentClient, count: int = 2) -> FloatArray:
    return of.infer(SETUP, BATCH, first=0, count=count, deadline=soon())


def probe(of: AgentClient) -> Probe:
    return of.probe(SETUP, BATCH, deadline=soon())


def timed(of: AgentClient) -> RawTiming:
    return of.time(SETUP, BATCH, warmup=3, repeats=2, deadline=soon())
