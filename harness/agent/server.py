"""The agent: requests in, replies out, and an eye on the clock.

Nothing in its loop waits: what takes long happens in children, in zygotes, or in the worker's thread.
"""

import functools
import math
import os
import time
from typing import Callable, Dict, Union

from harness.agent import PREAMBLE
from harness.agent.cells import Cells
from harness.agent.failures import AgentError
from harness.agent.frames import Decoder, FrameError, Header
from harness.agent.greeting import greet
from harness.agent.health import health
from harness.agent.loop import Loop
from harness.agent.request import Request
from harness.agent.store import Store
from harness.agent.watchdog import TICK_S, Watchdog
from harness.agent.who import who
from harness.agent.worker import Worker
from harness.agent.writer import Writer
from harness.agent.zygotes import Zygotes

_READ = 1 << 18
_FIRST_WORD_S = 60.0
_MOST_BUSY_S = 10.0
_MAX_LOAD = 32 << 20
"""Bytes that may wait for a slow disk before the agent stops reading for a moment."""


class Server:
    """One agent, from its preamble to its end."""

    def __init__(self, workdir: str, incoming: int, outgoing: int, watchdog: Watchdog) -> None:
        self._workdir = workdir
        self._incoming = incoming
        self._watchdog = watchdog
        self._writer = Writer(outgoing)
        self._decoder = Decoder()
        self._loop = Loop()
        self._worker = Worker(self._loop)
        self._store = Store(os.path.join(workdir, "store"))
        self._cells = Cells(os.path.join(workdir, "tmp"), self._store, self._loop)
        self._zygotes = Zygotes(workdir, self._store, self._loop, self._worker, self._cells)
        self._heard = time.monotonic()
        self._silence_s = _FIRST_WORD_S
        self._reading = self._running = True
        self._refused_put = -1
        self._operations: Dict[str, Callable[[Request], None]] = {
            "ping": lambda request: request.answer({}),
            "bye": self._bye,
            "hello": self._hello,
            "who": lambda request: request.answer(who(str(request.header["lease"]))),
            "health": self._health,
            "have": lambda request: request.answer({"missing": self._store.missing(request.header["digests"])}),
            "put": self._put,
            "engine": self._zygotes.start,
            "open": self._zygotes.open,
            **dict.fromkeys(("infer", "probe", "capture", "blocks", "time", "close"), self._cells.forward),
        }

    def run(self) -> None:
        """Serve until the coordinator says bye, closes the connection, or is silent for too long."""
        self._writer.write(PREAMBLE)
        self._loop.watch(self._incoming, self._read)
        try:
            while self._running:
                self._loop.turn(TICK_S)
                self._watchdog.tick()
                self._look_at_the_clock()
        finally:
            self._cells.kill_all()
            self._zygotes.kill_all()
            self._writer.finish(1.0)

    def _read(self) -> None:
        data = os.read(self._incoming, _READ)
        self._heard = time.monotonic()
        try:
            for header, payload in self._decoder.feed(data):
                if type(header.get("id")) is int:
                    request = Request(header, payload, self._writer.write)
                    request.attempt(functools.partial(self._operate, request))
        except FrameError:
            data = b""  # what comes is no protocol of ours: nothing can be answered
        self._running = self._running and bool(data)
        if self._worker.load > _MAX_LOAD:
            self._reading = False
            self._loop.unwatch(self._incoming)

    def _operate(self, request: Request) -> None:
        if request.op not in self._operations:
            raise AgentError("protocol", "unknown operation %r" % request.op)
        if self._zygotes.lease < 0 and request.op not in ("ping", "hello", "who", "bye"):
            raise AgentError("protocol", "nothing is served before hello")
        self._operations[request.op](request)

    def _bye(self, request: Request) -> None:
        self._running = False
        request.answer({})

    def _hello(self, request: Request) -> None:
        silence_s = float(request.header["silence_s"])
        if not (math.isfinite(silence_s) and silence_s > 0):
            raise AgentError("protocol", "silence_s is %r" % silence_s)
        self._watchdog.guard(silence_s)  # before the lease is taken: no moment without it

        def greeted(reply: Union[Header, AgentError]) -> None:
            if not isinstance(reply, AgentError):
                self._silence_s = silence_s
            request.settle(reply)

        # Elsewhere, since an old agent of the same run may take seconds to let the lease go.
        self._worker.do(functools.partial(greet, self._workdir, self._zygotes, request.header), greeted)

    def _health(self, request: Request) -> None:
        over_s = min(_MOST_BUSY_S, max(0.0, float(request.header["busy_over_s"])))
        # Elsewhere, since it may take a while and reads files that a broken sensor may hold back.
        self._worker.do(lambda: health(self._workdir, busy_over_s=over_s), request.settle)

    def _put(self, request: Request) -> None:
        header, chunk = request.header, request.payload

        def stored(done: Union[bool, AgentError]) -> None:
            if isinstance(done, AgentError):
                # All parts share one id and one reply; those behind the first that failed say nothing.
                if request.number != self._refused_put:
                    request.refuse(done)
                self._refused_put = request.number
            elif done:
                request.answer({"stored": True})

        self._worker.do(
            lambda: self._store.put(header["digest"], header["size"], header["offset"], chunk), stored, len(chunk)
        )

    def _look_at_the_clock(self) -> None:
        if not self._reading:
            self._heard = time.monotonic()  # who is not listening cannot complain of silence
            if self._worker.load <= _MAX_LOAD // 2:
                self._reading = True
                self._loop.watch(self._incoming, self._read)
        if time.monotonic() - self._heard > self._silence_s:
            self._running = False
        self._cells.kill_late()
        self._zygotes.kill_late()
