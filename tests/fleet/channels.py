"""A paramiko channel and transport that say what a test tells them to."""

import threading
from collections.abc import Iterable


class FakeChannel:
    """A channel that gives `parts` one by one, an exception among them where it is due, then ends."""

    def __init__(self, parts: Iterable[bytes | Exception], status: int | None = None, stderr: bytes = b"") -> None:
        self._parts = list(parts)
        self.status = status
        self._stderr = stderr
        self.status_event = threading.Event()
        self.commands: list[str] = []
        self.sent = b""
        self.timeouts: list[float | None] = []
        self.refuses_bytes: Exception | None = None
        if status is not None:
            self.status_event.set()

    def settimeout(self, seconds: float | None) -> None:
        self.timeouts.append(seconds)

    def exec_command(self, line: str) -> None:
        self.commands.append(line)

    def sendall(self, s: bytes) -> None:
        if self.refuses_bytes:
            raise self.refuses_bytes
        self.sent += s

    def recv(self, nbytes: int) -> bytes:
        part = self._parts.pop(0) if self._parts else b""
        if isinstance(part, Exception):
            raise part
        assert len(part) <= nbytes
        return part

    def recv_stderr(self, nbytes: int) -> bytes:
        if not self._stderr:
            raise TimeoutError
        return self._stderr[:nbytes]

    def recv_exit_status(self) -> int:
        assert self.status is not None
        return self.status

    def close(self) -> None:
        pass


class FakeTransport:
    """A transport with one channel to give, or none."""

    def __init__(self, opened: FakeChannel | Exception) -> None:
        self._opened = opened

    def open_session(self, timeout: float) -> FakeChannel:
        assert timeout > 0
        if isinstance(self._opened, Exception):
            raise self._opened
        return self._opened
