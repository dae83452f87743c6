"""A TCP proxy on loopback, between the coordinator and a board's SSH server, that misbehaves when told to."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

_CHUNK = 1 << 14
_WAIT_S = 0.05
TRICKLE = 500.0


@dataclass
class Proxy:
    """Forwards connections to `port` and back, and counts what it did to them.

    Attributes:
        rate: bytes a second in each direction; None for all that loopback gives.
        trickle_at: after how many bytes from the coordinator, of one connection, `TRICKLE` a second get through.
        stall_at: after how many nothing moves any more.
        cut_at: after how many it is cut; both are for one connection only.
        flip_at: the byte from the coordinator that is changed on its way, once.
        connections: that were taken.
        moved: bytes that came through, both ways.
        cuts: connections that were cut while they were up.
        freezes: connections that were up when nothing moved any more.
        flips: bytes that were changed.
        slept_s: for how long data waited so that it moved so slowly.
    """

    port: int
    rate: float | None = None
    trickle_at: int | None = None
    stall_at: int | None = None
    cut_at: int | None = None
    flip_at: int | None = None
    connections: int = 0
    moved: int = 0
    cuts: int = 0
    freezes: int = 0
    flips: int = 0
    slept_s: float = 0.0
    _frozen: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)
    _live: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket | None = None
    _address: int = 0

    def open(self) -> int:
        """Begin to listen; return the port, which stays the same over `refuse`."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._address))
        listener.listen(64)
        self._listener, self._address = listener, listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self._address

    def freeze(self) -> None:
        """Move nothing any more, and close nothing: what was sent is swallowed by the kernel's buffers."""
        self._frozen.set()
        with self._lock:
            self.freezes += len(self._live) // 2

    @property
    def frozen(self) -> bool:
        """Whether nothing moves."""
        return self._frozen.is_set()

    def thaw(self) -> None:
        """Move again what waits."""
        self._frozen.clear()

    def cut(self) -> None:
        """End all connections, as a router that forgets them does: with a reset."""
        self.cuts += self._reset() // 2

    def refuse(self) -> None:
        """Take no new connections."""
        if self._listener is not None:
            # A thread that waits in accept() would keep the socket open.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """End everything."""
        self._closed.set()
        self.refuse()
        self._reset()

    def _reset(self) -> int:
        with self._lock:
            live, self._live = self._live, []
        for one in live:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        return len(live)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                far = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._live += [near, far]
            for pair in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        done = 0
        with contextlib.suppress(OSError):
            while True:
                self._wait()
                data = source.recv(_CHUNK)
                self._wait()
                if not data or self._closed.is_set():
                    break
                sink.sendall(self._changed(data, done) if up else data)
                done += len(data)
                self._count(len(data), done, up)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        self._forget(source, sink)

    def _forget(self, source: socket.socket, sink: socket.socket) -> None:
        """Count a connection no more once either end has had enough: it cannot be cut or frozen any more."""
        with self._lock:
            self._live = [one for one in self._live if one is not source and one is not sink]

    def _wait(self) -> None:
        while self._frozen.is_set() and not self._closed.is_set():
            time.sleep(_WAIT_S)

    def _changed(self, data: bytes, before: int) -> bytes:
        if self.flip_at is None or not before <= self.flip_at < before + len(data):
            return data
        at, self.flip_at = self.flip_at - before, None
        self.flips += 1
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    def _count(self, size: int, done: int, up: bool) -> None:
        with self._lock:
            self.moved += size
        if self.rate:
            self._sleep(size / self.rate)
        if up and self.trickle_at is not None and done >= self.trickle_at:
            self._sleep(size / TRICKLE)
        if up and self.stall_at is not None and done >= self.stall_at:
            self.stall_at = None
            self.freeze()
        if up and self.cut_at is not None and done >= self.cut_at:
            self.cut_at = None
            self.cut()

    def _sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept_s += seconds
        self._closed.wait(seconds)
