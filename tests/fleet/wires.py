"""Stand-ins for a wire and for the agent behind it: socket pairs, scripted replies, a clock that is set by hand."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from harness.agent.frames import Frame, Header, encode, read
from harness.errors import FarmError
from harness.fleet.deadline import Deadline
from harness.fleet.link import Link, Pending

PATIENCE_S = 10.0
"""Longer than anything here takes; a test that waits so long has failed."""


@dataclass
class HandClock:
    """A clock that stands still until it is told otherwise."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class SocketWire:
    """One end of a socket pair that behaves as paramiko's channel does when it is closed."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False

    def sendall(self, s: bytes) -> None:
        if self.closed:
            raise OSError("Socket is closed")
        self.sock.sendall(s)

    def recv(self, nbytes: int) -> bytes:
        return self.sock.recv(nbytes)

    def close(self) -> None:
        self.closed = True
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


@dataclass
class Agent:
    """The other end: reads requests and sends what the test wants it to."""

    sock: socket.socket
    stream: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sock.settimeout(PATIENCE_S)
        self.stream = self.sock.makefile("rb")

    def hear(self) -> Frame:
        return read(self.stream)

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply(self, number: int, payload: bytes = b"", **header: object) -> None:
        self.say(encode({"ok": True, **header, "id": number}, payload))

    def hang_up(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)

    def answer_all(self, how: Callable[[Header, bytes], Header | None]) -> threading.Thread:
        """Answer every request in a thread, until the link is closed; None leaves one unanswered."""

        def work() -> None:
            try:
                while True:
                    header, payload = self.hear()
                    reply = how(header, payload)
                    if reply is not None:
                        self.reply(header["id"], **reply)
            except (EOFError, OSError, ValueError):  # ValueError: our end was closed meanwhile
                return

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


@contextmanager
def linked(clock: Callable[[], float] | None = None, already_read: bytes = b"") -> Iterator[tuple[Link, Agent]]:
    """Give a started link and the agent it talks to; close both after."""
    ours, theirs = socket.socketpair()
    link = Link(SocketWire(ours), clock=clock or HandClock())
    agent = Agent(theirs)
    link.start(already_read)
    try:
        yield link, agent
    finally:
        link.close()
        agent.stream.close()
        for sock in (ours, theirs):
            sock.close()


def failure_of(pending: Pending) -> FarmError:
    """Return what a request ended in."""
    try:
        pending.collect(soon())
    except FarmError as error:
        return error
    raise AssertionError("the request did not fail")


def soon() -> Deadline:
    """Return a deadline that is never met in a test that passes."""
    return Deadline.after(PATIENCE_S)
