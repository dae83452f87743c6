"""The engines that were asked for: unpacked, started, and started again should they end."""

import math
import os
import time
from typing import Any, Dict, Optional, Tuple, Union

from harness.agent import engines
from harness.agent.cells import Cells
from harness.agent.engine import Engine, Waiting
from harness.agent.failures import AgentError, outcome
from harness.agent.loop import Loop
from harness.agent.request import Request
from harness.agent.store import Store
from harness.agent.worker import Worker
from harness.agent.zygote_process import ZygoteProcess


class Zygotes:
    """One zygote an engine version."""

    def __init__(self, workdir: str, store: Store, loop: Loop, worker: Worker, cells: Cells) -> None:
        self.lease = -1
        self._workdir = workdir
        self._store = store
        self._loop = loop
        self._worker = worker
        self._cells = cells
        self._engines: Dict[str, Engine] = {}

    def start(self, request: Request) -> None:
        """Unpack an engine where that is still to do, start its zygote where it is not running, and answer.

        What is not ready within `deadline_s` has failed (engine-start-failed).

        Raises:
            AgentError: store-corrupt, protocol.
        """
        version, allowed_s = str(request.header["engine"]), float(request.header["deadline_s"])
        if not (math.isfinite(allowed_s) and allowed_s > 0):
            raise AgentError("protocol", "the engine has no time at all to start")
        wheels = [engines.Wheel(self._store.path(one["digest"]), one["digest"]) for one in request.header["wheels"]]
        engine = self._engines.get(version)
        if engine is None or (engine.idle and engine.wheels != wheels):
            self._engines[version] = engine = Engine(version, wheels)
        if engine.wheels != wheels:
            raise AgentError("protocol", "MNN %s was started from other wheels" % version)
        self._when_ready(engine, _teller(request, engine), allowed_s)

    def open(self, request: Request) -> None:
        """Open a cell, with a new zygote if the engine's last one died.

        Raises:
            AgentError: protocol, or what Cells.open raises.
        """
        version = str(request.header["engine"])
        if version not in self._engines:
            raise AgentError("protocol", "the engine %s is not started" % version)

        def opened(zygote: Union[ZygoteProcess, AgentError]) -> None:
            if isinstance(zygote, AgentError):
                request.refuse(zygote)
            else:
                request.attempt(lambda: self._cells.open(request, zygote))

        self._when_ready(self._engines[version], opened, float(request.header["deadline_s"]))

    def kill_late(self) -> None:
        """Give up the engines that should be running by now."""
        now = time.monotonic()
        for engine in self._engines.values():
            if now > engine.until:
                self._give_up(engine)

    def kill_all(self) -> None:
        """End every zygote, and so every child."""
        for engine in self._engines.values():
            if engine.zygote is not None:
                engine.zygote.kill()

    def _when_ready(self, engine: Engine, then: Waiting, allowed_s: float) -> None:
        if engine.zygote is not None and engine.ready and engine.zygote.gone:
            self._lost(engine, engine.zygote, None)
        if engine.zygote is not None and engine.ready:
            then(engine.zygote)
            return
        engine.wait(then, allowed_s)
        if len(engine.waiting) == 1:
            folder = os.path.join(self._workdir, "engines")
            self._worker.do(
                lambda: engines.unpack(folder, engine.version, engine.wheels),
                lambda found: self._unpacked(engine, found),
            )

    def _unpacked(self, engine: Engine, found: "Union[Tuple[str, bool], AgentError]") -> None:
        if engine.zygote is not None or not engine.waiting:
            return  # it took so long that it was given up meanwhile, and perhaps asked for again
        if isinstance(found, AgentError):
            engine.tell(found)
            return
        folder, engine.unpacked = found
        log = os.path.join(self._workdir, "tmp", "engine-%s.log" % engine.version)
        zygote = outcome(lambda: ZygoteProcess(folder, log, self.lease))
        if isinstance(zygote, AgentError):
            engine.tell(zygote)
            return
        engine.zygote = zygote
        self._loop.watch(zygote.control, lambda: self._hear(engine, zygote))

    def _hear(self, engine: Engine, zygote: ZygoteProcess) -> None:
        message = zygote.receive()
        if message is None or "failed" in message:
            self._lost(engine, zygote, message)
        elif "cell" in message:
            self._cells.hear(message)
        else:
            zygote.facts = message
            engine.ready = True
            engine.tell(zygote)

    def _lost(self, engine: Engine, zygote: ZygoteProcess, message: Optional[Dict[str, Any]]) -> None:
        self._loop.unwatch(zygote.control)
        engine.zygote, engine.ready = None, False
        why = zygote.ended()
        said = why if message is None else "%s. %s" % (message["failed"], why)
        self._cells.lost(zygote, why)
        engine.tell(AgentError("engine-start-failed", said))

    def _give_up(self, engine: Engine) -> None:
        what, said = "unpacked", ""
        if engine.zygote is not None:
            self._loop.unwatch(engine.zygote.control)
            engine.zygote.kill()
            what, said = "imported", engine.zygote.said()
            engine.zygote = None
        words = "MNN %s was not %s within %.0f s. %s" % (engine.version, what, engine.allowed_s, said)
        engine.tell(AgentError("engine-start-failed", words.strip()))


def _teller(request: Request, engine: Engine) -> Waiting:
    def tell(zygote: Union[ZygoteProcess, AgentError]) -> None:
        if isinstance(zygote, AgentError):
            request.refuse(zygote)
        else:
            request.answer(dict(zygote.facts or {}, unpacked=engine.unpacked))
            engine.unpacked = False  # the next to ask finds the work done

    return tell
