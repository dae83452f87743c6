"""The agent's end of the wire: frames over one SSH channel, with heartbeats and deadlines."""

import contextlib
import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Protocol

import paramiko

from harness.agent.frames import Decoder, Frame, FrameError, Header, encode
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.fleet.deadline import Clock, Deadline

HEARTBEAT_S = 2.0
SILENCE_S = 12.0
"""A link that has brought nothing for so long is lost; the agent gives up on us after the same time."""

READ = 1 << 16
BROKEN = (OSError, EOFError, paramiko.SSHException)
"""What paramiko raises from a channel whose connection breaks; EOFError where another thread ends it meanwhile."""

_AGENTS_CODES = frozenset(
    {
        Code.DEVICE_BUSY,
        Code.GOVERNOR_REFUSED,
        Code.CORES_ABSENT,
        Code.NO_BACKEND,
        Code.WORKDIR_UNUSABLE,
        Code.DISK_FULL,
        Code.STORE_CORRUPT,
        Code.AGENT_DIED,
        Code.ENGINE_START_FAILED,
        Code.CHILD_KILLED,
        Code.CHILD_CRASHED,
        Code.OUT_OF_MEMORY,
        Code.CELL_TIMEOUT,
        Code.MODEL_LOAD_FAILED,
        Code.INFERENCE_FAILED,
        Code.OUTPUT_MISMATCH,
        Code.PROTOCOL,
    }
)
"""What an agent may say of itself. The others are ours: a device must not make a cell look interrupted,
unsupported or worth another try."""


class Wire(Protocol):
    """What a link needs of a channel; paramiko.Channel has it."""

    def sendall(self, s: bytes) -> None: ...  # noqa: D102
    def recv(self, nbytes: int) -> bytes: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that was sent and has, or will have, a reply."""

    number: int
    reply: "Future[Frame]" = field(default_factory=Future)

    @property
    def answered(self) -> bool:
        """Whether the reply is here (an early one to a `put` is a refusal)."""
        return self.reply.done()

    def collect(self, deadline: Deadline) -> Frame:
        """Wait for the reply.

        Raises:
            TransportError: connection-lost, or no reply within the deadline.
            DeviceError: the agent's own code for a request that failed.
        """
        try:
            header, payload = self.reply.result(timeout=deadline.left)
        except FutureTimeout:
            raise TransportError(
                Code.CONNECTION_LOST, "The agent did not answer a request within its deadline."
            ) from None
        if header.get("ok") is not True:
            raise _refusal(header)
        return header, payload


class Link:
    """Sends requests to an agent and hands each its reply.

    Thread-safe. A reader thread decodes what arrives, a heartbeat thread asks for signs of life and another one
    misses them, so that a frozen network is noticed within `SILENCE_S` although TCP notices nothing. While
    something large is being sent, every part that the network takes is a sign of life as well.

    `abort` ends the connection below without asking the other side: closing the wire alone would wait for a
    sender that the frozen network holds back.
    """

    def __init__(self, wire: Wire, *, clock: Clock, abort: Callable[[], None] = lambda: None) -> None:
        self._wire = wire
        self._clock = clock
        self._abort = abort
        self._ids = itertools.count(1)
        self._waiting: dict[int, Pending] = {}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._closed = threading.Event()
        self._failure: FarmError | None = None
        self._heard = clock()
        self.sent_bytes = 0

    def start(self, already_read: bytes = b"") -> None:
        """Start reading; `already_read` is what came behind the agent's preamble."""
        threading.Thread(target=self._read, args=(already_read,), name="farm-link", daemon=True).start()
        threading.Thread(target=self._beat, name="farm-heartbeat", daemon=True).start()
        threading.Thread(target=self._listen_for_silence, name="farm-silence", daemon=True).start()

    def request(self, header: Header, payload: bytes = b"", *, deadline: Deadline) -> Frame:
        """Send one request and wait for its reply.

        Raises:
            TransportError, DeviceError: as `Pending.collect`.
        """
        return self.send(header, payload).collect(deadline)

    def send(self, header: Header, payload: bytes = b"", *, part_of: Pending | None = None) -> Pending:
        """Send one request, or a further part of one, without waiting for the reply.

        Raises:
            TransportError: connection-lost.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            pending = part_of or Pending(next(self._ids))
            if not pending.answered:
                self._waiting[pending.number] = pending
        self._write(encode({**header, "id": pending.number}, payload))
        if payload:
            self._heard = self._clock()
        return pending

    def close(self) -> None:
        """Close the channel; whoever waits gets connection-lost."""
        self._fail(TransportError(Code.CONNECTION_LOST, "The connection was closed from this side."))

    def _write(self, data: bytes) -> None:
        try:
            with self._sending:
                self._wire.sendall(data)
                self.sent_bytes += len(data)
        except BROKEN as error:
            raise self._fail(TransportError(Code.CONNECTION_LOST, f"Sending failed: {error}.")) from error

    def _read(self, data: bytes) -> None:
        decoder = Decoder()
        ending: FarmError = TransportError(Code.CONNECTION_LOST, "The device closed the connection.")
        try:
            while not self._closed.is_set():
                for frame in decoder.feed(data):
                    self._take(frame)
                data = self._wire.recv(READ)
                if not data:
                    break
                self._heard = self._clock()
        except (FrameError, RecursionError) as error:
            ending = DeviceError(Code.PROTOCOL, f"What arrived is not a frame: {error}.")
        except BROKEN as error:
            ending = TransportError(Code.CONNECTION_LOST, f"Receiving failed: {error}.")
        self._fail(ending)

    def _take(self, frame: Frame) -> None:
        number = frame[0].get("id")
        with self._lock:
            pending = self._waiting.pop(number, None) if type(number) is int else None
            if pending is not None:
                # Under the lock, so that a further part of the same request cannot put it back in between.
                pending.reply.set_result((storable(frame[0]), frame[1]))

    def _beat(self) -> None:
        with contextlib.suppress(FarmError):
            while not self._closed.wait(HEARTBEAT_S):
                self.send({"op": "ping"})

    def _listen_for_silence(self) -> None:
        # A thread that never sends: in a frozen network even a ping may be held back for good.
        while not self._closed.wait(HEARTBEAT_S):
            if self._clock() - self._heard > SILENCE_S:
                self._end(TransportError(Code.CONNECTION_LOST, f"Nothing was heard for {SILENCE_S:.0f} seconds."))
                self._abort()
                self._close_wire()

    def _fail(self, failure: FarmError) -> FarmError:
        first = self._end(failure)
        self._close_wire()
        return first

    def _close_wire(self) -> None:
        # A farewell into a connection that breaks just now may fail as any other message.
        with contextlib.suppress(*BROKEN):
            self._wire.close()

    def _end(self, failure: FarmError) -> FarmError:
        """Note the first failure and tell it to whoever waits; return it."""
        with self._lock:
            self._failure = self._failure or failure
            first = self._failure
            waiting, self._waiting = list(self._waiting.values()), {}
        self._closed.set()
        for pending in waiting:
            pending.reply.set_exception(first)
        return first


def storable(header: Header) -> Header:
    """Return a header without lone surrogates: JSON may carry them, but no file of ours can hold them."""
    text = json.dumps(header, ensure_ascii=False)
    clean = text.encode("utf-8", "replace").decode("utf-8")
    cleaned: Header = header if clean == text else json.loads(clean)
    return cleaned


def _refusal(header: Header) -> FarmError:
    message = str(header.get("message", ""))[:2000]
    name = str(header.get("code"))[:100]
    if name not in _AGENTS_CODES:
        return DeviceError(Code.PROTOCOL, f"The agent failed with a code that is not its own, {name!r}: {message}")
    return DeviceError(Code(name), message)
