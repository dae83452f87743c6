"""The engines that were asked for: unpacked, started, and started again should they end."""

import os
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from harness.agent import engines
from harness.agent.cells import Cells
from harness.agent.failures import AgentError, outcome
from harness.agent.loop import Loop
from harness.agent.request import Request
from harness.agent.store import Store
from harness.agent.worker import Worker
from harness.agent.zygote_process import ZygoteProcess

Waiting = Callable[[Union[ZygoteProcess, AgentError]], None]


class _Engine:
    def __init__(self, version: str, wheels: List[engines.Wheel]) -> None:
        self.version = version
        self.wheels = wheels
        self.zygote: Optional[ZygoteProcess] = None
        self.ready = False
        self.unpacked = False
        self.waiting: List[Waiting] = []

    @property
    def idle(self) -> bool:
        return self.zygote is None and not self.waiting


class Zygotes:
    """One zygote an engine version."""

    def __init__(self, workdir: str, store: Store, loop: Loop, worker: Worker, cells: Cells) -> None:
        self.lease = -1
        self._workdir = workdir
        self._store = store
        self._loop = loop
        self._worker = worker
        self._cells = cells
        self._engines: Dict[str, _Engine] = {}

    def start(self, request: Request) -> None:
        """Unpack an engine where that is still to do, start its zygote where it is not running, and answer.

        Raises:
            AgentError: store-corrupt, protocol.
        """
        version = str(request.header["engine"])
        wheels = [engines.Wheel(self._store.path(one["digest"]), one["digest"]) for one in request.header["wheels"]]
        engine = self._engines.get(version)
        if engine is None or (engine.idle and engine.wheels != wheels):
            self._engines[version] = engine = _Engine(version, wheels)
        if engine.wheels != wheels:
            raise AgentError("protocol", "MNN %s was started from other wheels" % version)
        self._when_ready(engine, _teller(request, engine))

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

        self._when_ready(self._engines[version], opened)

    def kill_all(self) -> None:
        """End every zygote, and so every child."""
        for engine in self._engines.values():
            if engine.zygote is not None:
                engine.zygote.kill()

    def _when_ready(self, engine: _Engine, then: Waiting) -> None:
        if engine.zygote is not None and engine.ready:
            then(engine.zygote)
            return
        engine.waiting.append(then)
        if len(engine.waiting) == 1:
            folder = os.path.join(self._workdir, "engines")
            self._worker.do(
                lambda: engines.unpack(folder, engine.version, engine.wheels),
                lambda found: self._unpacked(engine, found),
            )

    def _unpacked(self, engine: _Engine, found: "Union[Tuple[str, bool], AgentError]") -> None:
        if isinstance(found, AgentError):
            self._tell(engine, found)
            return
        folder, engine.unpacked = found
        log = os.path.join(self._workdir, "tmp", "engine-%s.log" % engine.version)
        zygote = outcome(lambda: ZygoteProcess(folder, log, self.lease))
        if isinstance(zygote, AgentError):
            self._tell(engine, zygote)
            return
        engine.zygote = zygote
        self._loop.watch(zygote.control, lambda: self._hear(engine, zygote))

    def _hear(self, engine: _Engine, zygote: ZygoteProcess) -> None:
        message = zygote.receive()
        if message is None or "failed" in message:
            self._lost(engine, zygote, message)
        elif "cell" in message:
            self._cells.hear(message)
        else:
            zygote.facts = message
            engine.ready = True
            self._tell(engine, zygote)

    def _lost(self, engine: _Engine, zygote: ZygoteProcess, message: Optional[Dict[str, Any]]) -> None:
        self._loop.unwatch(zygote.control)
        engine.zygote, engine.ready = None, False
        why = zygote.ended()
        said = why if message is None else "%s. %s" % (message["failed"], why)
        self._cells.lost(zygote, why)
        self._tell(engine, AgentError("engine-start-failed", said))

    def _tell(self, engine: _Engine, result: Union[ZygoteProcess, AgentError]) -> None:
        waiting, engine.waiting = engine.waiting, []
        for then in waiting:
            then(result)


def _teller(request: Request, engine: _Engine) -> Waiting:
    def tell(zygote: Union[ZygoteProcess, AgentError]) -> None:
        if isinstance(zygote, AgentError):
            request.refuse(zygote)
        else:
            request.answer(dict(zygote.facts or {}, unpacked=engine.unpacked))
            engine.unpacked = False  # the next to ask finds the work done

    return tell
