"""Drives a real agent over a pair of pipes, one request at a time or several at once."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from harness.agent import PREAMBLE
from harness.agent.frames import CHUNK, Decoder, Frame, Header, encode


@dataclass(frozen=True)
class Reply:
    """A reply's header and payload; items are the header's."""

    header: Header
    payload: bytes

    @property
    def ok(self) -> bool:
        return self.header["ok"] is True

    @property
    def code(self) -> str:
        assert not self.ok, self.header
        return str(self.header["code"])

    @property
    def message(self) -> str:
        return str(self.header["message"])

    def __getitem__(self, name: str) -> Any:
        assert self.ok, self.header
        return self.header[name]


class AgentDriver:
    """An agent started by `command`, and what it said so far."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._ids = count(1)
        self._decoder = Decoder()
        self._replies: dict[int, list[Reply]] = {}

    def read_until(self, mark: bytes, timeout: float = 60) -> bytes:
        """Read up to a mark, before there are frames; return what stood before it."""
        seen = b""
        while not seen.endswith(mark):
            assert select.select([self._out], [], [], timeout)[0], seen
            part = os.read(self._out, 1)
            assert part, seen
            seen += part
        return seen[: -len(mark)]

    def await_preamble(self) -> bytes:
        return self.read_until(PREAMBLE)

    def send(self, op: Any, payload: bytes = b"", number: Any = None, **fields: Any) -> Any:
        """Send a request without waiting; return its id."""
        number = next(self._ids) if number is None else number
        self.write(encode({"op": op, "id": number, **fields}, payload))
        return number

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._in, view) :]

    def wait(self, number: int, timeout: float = 60) -> Reply:
        """Return the reply to a request; fail if it does not come."""
        until = time.monotonic() + timeout
        while number not in self._replies:
            left = until - time.monotonic()
            assert left > 0, f"no reply to request {number}"
            self._pump(left)
        replies = self._replies[number]
        assert len(replies) == 1, replies
        return replies[0]

    def request(self, op: Any, payload: bytes = b"", timeout: float = 60, **fields: Any) -> Reply:
        return self.wait(self.send(op, payload, **fields), timeout)

    def answered(self) -> set[int]:
        """Return the ids that were answered, without waiting."""
        while select.select([self._out], [], [], 0)[0] and self._pump(0):
            pass
        return set(self._replies)

    def _pump(self, timeout: float) -> bool:
        if not select.select([self._out], [], [], timeout)[0]:
            return False
        data = os.read(self._out, 1 << 16)
        assert data, f"the agent ended: {self.process.wait(10)}"
        for frame in self._decoder.feed(data):
            self._keep(frame)
        return True

    def _keep(self, frame: Frame) -> None:
        header, payload = frame
        self._replies.setdefault(header["id"], []).append(Reply(header, payload))

    def hello(self, lease: Path | str, *, run: str = "run-1", silence_s: float = 60) -> Reply:
        return self.request("hello", run=run, holder="tests", lease=str(lease), silence_s=silence_s)

    def put(self, data: bytes, *, digest: str | None = None, chunk: int = CHUNK) -> Reply:
        """Send one object in chunks that share one id."""
        number = next(self._ids)
        name = digest or sha256(data).hexdigest()
        for offset in range(0, max(1, len(data)), chunk):
            part = data[offset : offset + chunk]
            self.send("put", part, number, digest=name, size=len(data), offset=offset)
        return self.wait(number)

    def store(self, data: bytes) -> str:
        assert self.put(data)["stored"] is True
        return sha256(data).hexdigest()

    def engine(self, wheels: Iterable[Path], version: str = "3.6.1", deadline_s: float = 110) -> Reply:
        """Send what is missing of the wheels and start the engine."""
        held = {sha256(wheel.read_bytes()).hexdigest(): wheel for wheel in wheels}
        for digest in self.request("have", digests=list(held))["missing"]:
            assert self.put(held[digest].read_bytes())["stored"] is True
        listed = [{"name": wheel.name, "digest": digest} for digest, wheel in held.items()]
        return self.request("engine", engine=version, wheels=listed, deadline_s=deadline_s, timeout=120)

    def hang_up(self) -> None:
        """Close the agent's input, as a closed connection does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def kill(self) -> None:
        """End the agent and what it started, as far as the test has not."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.wait(10)


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[AgentDriver]:
    driver = AgentDriver(command, **options)
    try:
        driver.await_preamble()
        yield driver
    finally:
        driver.kill()
