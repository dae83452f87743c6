"""The cells that are open, and the children behind them."""

import errno
import math
import os
import time
from typing import Any, Dict, List, Tuple

from harness.agent.cell_process import CellProcess
from harness.agent.failures import AgentError
from harness.agent.loop import Loop
from harness.agent.request import Request
from harness.agent.store import Store
from harness.agent.zygote_process import ZygoteProcess

_NO_ROOM = (errno.ENOMEM, errno.EAGAIN)


class Cells:
    """Opens cells, passes requests on to their children, and answers for children that died."""

    def __init__(self, tmp: str, store: Store, loop: Loop) -> None:
        self._tmp = tmp
        self._store = store
        self._loop = loop
        self._open: Dict[str, CellProcess] = {}
        # By log file; a child that was told to close, or is dying, is here and no longer among the open ones.
        self._children: Dict[str, Tuple[CellProcess, ZygoteProcess]] = {}
        self._count = 0

    def open(self, request: Request, zygote: ZygoteProcess) -> None:
        """Fork a child for a new cell and have it load its model.

        Raises:
            AgentError: protocol, store-corrupt, child-killed.
        """
        name, seconds = str(request.header["cell"]), float(request.header["deadline_s"])
        if name in self._open or not (math.isfinite(seconds) and seconds > 0):
            raise AgentError("protocol", "the cell %s is open already, or has no time at all" % name)
        order = dict(request.header, model_path=self._store.path(request.header["model"]), scratch=self._tmp)
        self._count += 1
        cell = CellProcess(name, os.path.join(self._tmp, "cell-%d.log" % self._count), seconds)
        zygote.fork(cell)
        self._open[name] = cell
        self._children[cell.log] = (cell, zygote)
        self._loop.watch(cell.sock, lambda: self._read(cell))
        cell.ask(request, order)

    def forward(self, request: Request) -> None:
        """Pass a request on to its cell's child.

        Raises:
            AgentError: child-killed, store-corrupt, protocol.
        """
        cell = self._open.get(str(request.header["cell"]))
        if cell is None:
            raise AgentError("child-killed", "the cell's process is gone")
        order = dict(request.header)
        for name in ("batch", "control"):
            if name in order:
                order[name + "_path"] = self._store.path(order[name])
        cell.ask(request, order)
        if request.op == "close":
            self._forget(cell)

    def hear(self, message: Dict[str, Any]) -> None:
        """Take what a zygote says about a child."""
        log = message["cell"]
        if log not in self._children:
            return
        if "forked" in message:
            self._children[log][0].born(message["forked"])
            return
        cell, _ = self._children.pop(log)
        self._settle(cell, cell.ended(message["ended"]) if "ended" in message else _unforked(message["unforked"]))

    def lost(self, zygote: ZygoteProcess, why: str) -> None:
        """Answer for the children of a zygote that ended: they ended with it."""
        for log, (cell, parent) in list(self._children.items()):
            if parent is zygote:
                del self._children[log]
                self._settle(cell, cell.orphaned(why))

    def kill_late(self) -> None:
        """End the children whose time is over, and a zygote that does not even give birth."""
        now = time.monotonic()
        for cell, zygote in self._children.values():
            cell.kill_if_late(now)
            if cell.overdue(now):
                zygote.end()

    def kill_all(self) -> None:
        """End every child."""
        cells: List[CellProcess] = [cell for cell, _ in self._children.values()]
        for cell in cells:
            cell.kill()

    def _read(self, cell: CellProcess) -> None:
        if not cell.read():
            self._loop.unwatch(cell.sock)  # how it ended, the zygote will tell

    def _settle(self, cell: CellProcess, failure: AgentError) -> None:
        self._forget(cell)
        self._loop.unwatch(cell.sock)
        cell.settle(failure)

    def _forget(self, cell: CellProcess) -> None:
        # The name may belong to a newer cell already.
        if self._open.get(cell.name) is cell:
            del self._open[cell.name]


def _unforked(number: int) -> AgentError:
    code = "out-of-memory" if number in _NO_ROOM else "child-crashed"
    return AgentError(code, "no process could be made for the cell: %s" % os.strerror(number))
