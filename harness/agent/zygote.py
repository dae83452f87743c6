"""The zygote: imports one version of the engine, opens no session ever, and forks a child for each cell.

Forking after a session has run would hang every child; forking after the import alone is safe and saves each
cell the seconds that the import takes.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
from typing import Any, Dict

from harness.agent import kernel

LOG_LIMIT = 4 << 20
"""Bytes that a child may print before it writes into the void."""

_POLL_S = 0.1


def main(descriptor: int, engine: str, log: str, parent: int) -> None:
    """Run a zygote that takes orders on `descriptor`; `engine` is the folder of its unpacked wheels."""
    kernel.die_with_parent(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a login may have it ignored, and children go unnoticed then
    control = socket.socket(fileno=descriptor)
    sys.path.insert(0, engine)
    # Compiled once a device instead of once a start, and all of it below the workdir.
    sys.pycache_prefix = os.path.join(engine, ".bytecode")
    sys.dont_write_bytecode = False
    try:
        import MNN
        import numpy as np

        from harness.agent import child, limits  # noqa: F401 - here, so that no child has to

        facts = {"engine": str(MNN.version()), "numpy": np.__version__, "banner": _banner(log)}
    except Exception as error:  # noqa: BLE001 - whatever an import raises, the agent must hear it
        _tell(control, {"failed": ("%s: %s" % (type(error).__name__, error))[:1000]})
        return
    _tell(control, facts)
    Zygote(control).run()


class Zygote:
    """Forks on demand and reports how each child ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: Dict[int, str] = {}

    def run(self) -> None:
        """Serve until the agent closes its end; the kernel ends the children then."""
        while True:
            ready, _, _ = select.select([self._control], [], [], _POLL_S)
            if ready:
                order, descriptor = kernel.receive_with_descriptor(self._control)
                if not order:
                    return
                self._fork(json.loads(order.decode("utf-8")), descriptor)
            self._reap()

    def _fork(self, order: Dict[str, str], descriptor: int) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(descriptor)
            _tell(self._control, {"unforked": error.errno, "cell": order["log"]})
            return
        if pid == 0:
            _be_child(parent, self._control, descriptor, order)
        # Here and in the child: whoever comes first, the group is there before the agent hears of it.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        os.close(descriptor)
        self._children[pid] = order["log"]
        _tell(self._control, {"forked": pid, "cell": order["log"]})

    def _reap(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _tell(self._control, {"ended": status, "cell": self._children.pop(pid)})


def _tell(control: socket.socket, message: "Dict[str, Any]") -> None:
    control.send(json.dumps(message).encode("utf-8"))


def _be_child(parent: int, control: socket.socket, descriptor: int, order: Dict[str, str]) -> None:
    status = 1
    try:
        kernel.die_with_parent(parent)
        os.setpgid(0, 0)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _be_first_to_go()
        control.close()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from harness.agent import child, limits

        limits.limit_files(LOG_LIMIT)
        child.serve(socket.socket(fileno=descriptor))
        status = 0
    finally:
        # Never back into the zygote's loop, and no clean-up of what the zygote owns.
        os._exit(status)


def _be_first_to_go() -> None:
    # Where memory runs out it shall cost this cell, not the agent, and not the board's sshd.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("800")


def _banner(log: str) -> str:
    ctypes.CDLL(None).fflush(None)  # the engine prints through C, into a buffer as stdout is a file
    with open(log, "rb") as file:
        text = file.read(1 << 16).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if "The device supports" in line]
    return lines[0] if lines else ""
