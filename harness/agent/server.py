"""The agent's loop: requests in, replies out, and an eye on the clock.

Nothing in the loop waits: what takes long happens in children, in zygotes, or in a worker thread.
"""

import contextlib
import os
import selectors
import socket
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from harness.agent import PREAMBLE, engines, lease, tidy
from harness.agent.facts import facts
from harness.agent.failures import AgentError, from_os_error
from harness.agent.frames import Decoder, FrameError, Header, encode
from harness.agent.processes import CellProcess, ZygoteProcess
from harness.agent.store import Store
from harness.agent.writer import Writer

VERSION = 1
Operation = Callable[[int, Header, bytes], Optional[Header]]
"""Takes a request's id, header and payload; None means that the reply comes later."""

_TICK_S = 0.25
_READ = 1 << 18
_FIRST_WORD_S = 60.0


class Server:
    """One agent, from its preamble to its end."""

    def __init__(self, workdir: str, incoming: int, outgoing: int) -> None:
        self._workdir = workdir
        self._tmp = os.path.join(workdir, "tmp")
        self._store = Store(os.path.join(workdir, "store"))
        self._incoming = incoming
        self._writer = Writer(outgoing)
        self._decoder = Decoder()
        self._selector = selectors.DefaultSelector()
        self._zygotes: Dict[str, ZygoteProcess] = {}
        self._cells: Dict[str, CellProcess] = {}
        self._children: Dict[str, CellProcess] = {}  # by log file: every child that has not ended
        self._starting: Dict[str, List[int]] = {}
        self._done, self._wake = socket.socketpair()
        self._finished: List[Callable[[], None]] = []
        self._lease = -1
        self._heard = time.monotonic()
        self._silence_s = _FIRST_WORD_S
        self._running = True
        self._count = 0
        self._operations: Dict[str, Operation] = {
            "ping": self._ping,
            "bye": self._bye,
            "hello": self._hello,
            "have": self._have,
            "put": self._put,
            "engine": self._engine,
            "open": self._open,
            **dict.fromkeys(("infer", "probe", "time", "close"), self._forward),
        }

    def run(self) -> None:
        """Serve until the coordinator says bye, closes the connection, or is silent for too long."""
        self._writer.write(PREAMBLE)
        self._selector.register(self._incoming, selectors.EVENT_READ, self._read)
        self._selector.register(self._done, selectors.EVENT_READ, self._collect)
        try:
            while self._running:
                for key, _ in self._selector.select(_TICK_S):
                    key.data()
                self._look_at_the_clock()
        finally:
            self.end()

    def end(self) -> None:
        """End every process of ours; the lease goes with the last descriptor."""
        for cell in self._children.values():
            cell.kill()
        for zygote in self._zygotes.values():
            zygote.kill()
        self._writer.finish(1.0)

    def _read(self) -> None:
        data = os.read(self._incoming, _READ)
        if not data:
            self._running = False
            return
        self._heard = time.monotonic()
        try:
            for header, payload in self._decoder.feed(data):
                self._take(header, payload)
        except FrameError:
            self._running = False  # what comes is no protocol of ours: nothing can be answered

    def _take(self, header: Header, payload: bytes) -> None:
        number = header.get("id")
        if not isinstance(number, int):
            return
        try:
            reply = self._operate(number, header, payload)
        except AgentError as error:
            reply = error.reply()
        except Exception as error:  # noqa: BLE001 - the agent's boundary: a bad request must not end it
            reply = AgentError("protocol", "%s: %s" % (type(error).__name__, error)).reply()
        if reply is not None:
            self._reply(number, reply)

    def _operate(self, number: int, header: Header, payload: bytes) -> Optional[Header]:
        operation = header.get("op")
        if operation not in self._operations:
            raise AgentError("protocol", "unknown operation %r" % (operation,))
        if self._lease < 0 and operation not in ("ping", "hello", "bye"):
            raise AgentError("protocol", "nothing is served before hello")
        return self._operations[operation](number, header, payload)

    def _ping(self, number: int, header: Header, payload: bytes) -> Header:
        return {}

    def _bye(self, number: int, header: Header, payload: bytes) -> Header:
        self._running = False
        return {}

    def _have(self, number: int, header: Header, payload: bytes) -> Header:
        return {"missing": self._store.missing(header["digests"])}

    def _put(self, number: int, header: Header, payload: bytes) -> Optional[Header]:
        stored = self._store.put(header["digest"], header["size"], header["offset"], payload)
        return {"stored": True} if stored else None

    def _hello(self, number: int, header: Header, payload: bytes) -> Header:
        try:
            os.makedirs(self._tmp, mode=0o700, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, "the workdir %s" % self._workdir) from error
        if self._lease < 0:
            self._lease = lease.take(header["lease"], str(header["run"]), str(header["holder"]))
            tidy.leftovers(self._workdir)
        self._silence_s = float(header["heartbeat_s"])
        return {"agent": VERSION, "facts": facts(self._workdir)}

    def _engine(self, number: int, header: Header, payload: bytes) -> Optional[Header]:
        version = str(header["engine"])
        wheels = [engines.Wheel(self._store.path(one["digest"]), one["digest"]) for one in header["wheels"]]
        known = self._zygotes.get(version)
        if known is not None and known.facts is not None:
            return dict(known.facts, unpacked=False)
        self._starting.setdefault(version, []).append(number)
        if len(self._starting[version]) > 1:
            return None
        threading.Thread(target=self._unpack, args=(version, wheels), daemon=True).start()
        return None

    def _unpack(self, version: str, wheels: List[engines.Wheel]) -> None:
        # In a thread, so that heartbeats are answered; what follows happens in the loop again.
        try:
            folder, unpacked = engines.unpack(os.path.join(self._workdir, "engines"), version, wheels)
        except AgentError as error:
            failure = error
            self._finished.append(lambda: self._engine_failed(version, failure))
        else:
            self._finished.append(lambda: self._start_zygote(version, folder, unpacked))
        self._wake.send(b"x")

    def _collect(self) -> None:
        self._done.recv(4096)
        while self._finished:
            self._finished.pop(0)()

    def _start_zygote(self, version: str, folder: str, unpacked: bool) -> None:
        log = os.path.join(self._tmp, "engine-%s.log" % version)
        zygote = ZygoteProcess(folder, log, self._lease)
        self._zygotes[version] = zygote
        self._selector.register(
            zygote.control, selectors.EVENT_READ, lambda: self._from_zygote(version, zygote, unpacked)
        )

    def _from_zygote(self, version: str, zygote: ZygoteProcess, unpacked: bool) -> None:
        message = zygote.receive()
        if message is None:
            self._lost_zygote(version, zygote)
        elif "failed" in message:
            self._engine_failed(version, AgentError("engine-start-failed", message["failed"]))
        elif "forked" in message:
            self._children[message["cell"]].pid = message["forked"]
        elif "ended" in message:
            self._ended(self._children.pop(message["cell"]), message["status"])
        else:
            zygote.facts = message
            for number in self._starting.pop(version, []):
                self._reply(number, dict(message, unpacked=unpacked))

    def _engine_failed(self, version: str, failure: AgentError) -> None:
        for number in self._starting.pop(version, []):
            self._reply(number, failure.reply())

    def _lost_zygote(self, version: str, zygote: ZygoteProcess) -> None:
        self._selector.unregister(zygote.control)
        zygote.kill()
        del self._zygotes[version]
        failure = zygote.why_ended()
        self._engine_failed(version, failure)
        for log, cell in list(self._children.items()):
            if cell.engine == version:
                del self._children[log]
                self._settle(cell, failure)

    def _open(self, number: int, header: Header, payload: bytes) -> Optional[Header]:
        name, version = str(header["cell"]), str(header["engine"])
        if name in self._cells:
            raise AgentError("protocol", "the cell %s is open already" % name)
        zygote = self._zygotes.get(version)
        if zygote is None or zygote.facts is None:
            raise AgentError("protocol", "the engine %s is not started" % version)
        request = dict(header, model_path=self._store.path(header["model"]))
        self._count += 1
        seconds = float(header["deadline_s"])
        log = os.path.join(self._tmp, "cell-%d.log" % self._count)
        cell = CellProcess(name, version, log, time.monotonic() + seconds, seconds)
        self._cells[name] = cell
        self._children[log] = cell
        zygote.fork(cell)
        self._selector.register(cell.sock, selectors.EVENT_READ, lambda: self._from_cell(cell))
        self._ask(cell, number, request)
        return None

    def _forward(self, number: int, header: Header, payload: bytes) -> Optional[Header]:
        cell = self._cells.get(str(header["cell"]))
        if cell is None:
            raise AgentError("child-killed", "the cell's process is gone")
        request = dict(header)
        if header["op"] == "close":
            cell.closing = number
        if "batch" in header:
            request["batch_path"] = self._store.path(header["batch"])
        self._ask(cell, number, request)
        return None

    def _ask(self, cell: CellProcess, number: int, request: Header) -> None:
        cell.owed.append(number)
        # If it died just now, the zygote reports its end.
        with contextlib.suppress(OSError):
            cell.sock.sendall(encode(request))

    def _from_cell(self, cell: CellProcess) -> None:
        try:
            data = cell.sock.recv(_READ)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(cell.sock)  # how it ended, the zygote will tell
            return
        for header, payload in cell.decoder.feed(data):
            number = header.get("id")
            if number in cell.owed:
                cell.owed.remove(number)
                self._writer.write(encode(header, payload))
            if number == cell.closing:
                self._forget(cell)

    def _ended(self, cell: CellProcess, status: int) -> None:
        # What it wrote before it ended still counts.
        cell.drain(lambda: self._from_cell(cell))
        self._settle(cell, cell.ended(status))

    def _settle(self, cell: CellProcess, failure: AgentError) -> None:
        self._forget(cell)
        if cell.sock.fileno() in self._selector.get_map():
            self._selector.unregister(cell.sock)
        cell.sock.close()
        for number in cell.owed:
            self._reply(number, failure.reply())

    def _forget(self, cell: CellProcess) -> None:
        # The name may belong to a newer cell already.
        if self._cells.get(cell.name) is cell:
            del self._cells[cell.name]

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if now - self._heard > self._silence_s:
            self._running = False
        for cell in self._children.values():
            if now > cell.deadline and not cell.timed_out:
                cell.kill(timed_out=True)

    def _reply(self, number: int, reply: Dict[str, Any]) -> None:
        self._writer.write(encode(dict({"ok": True}, **reply, id=number)))
