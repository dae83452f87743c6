"""The agent's view of its processes: a zygote an engine, a child a cell."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from typing import Any, Callable, Dict, List, Optional

from harness.agent import endings, kernel
from harness.agent.failures import AgentError
from harness.agent.frames import Decoder


class CellProcess:
    """A cell's child, seen from the agent: a socket, the requests it owes an answer to, a deadline.

    Attributes:
        closing: id of the request to close, once it was made.
        owed: ids of the requests that are not answered yet, in order.
        deadline: on the agent's clock, seconds.
    """

    def __init__(self, name: str, engine: str, log: str, deadline: float, deadline_s: float) -> None:
        self.name = name
        self.engine = engine
        self.log = log
        self.deadline = deadline
        self.pid: Optional[int] = None
        self.owed: List[int] = []
        self.closing: Optional[int] = None
        self.timed_out = False
        self._deadline_s = deadline_s
        self._oom_before = endings.oom_kills()
        self.decoder = Decoder()
        self.sock, self.far_end = socket.socketpair()

    def kill(self, *, timed_out: bool = False) -> None:
        """End the child and whatever it started."""
        self.timed_out = self.timed_out or timed_out
        if self.pid is not None:
            kill_group(self.pid)

    def drain(self, read: Callable[[], None]) -> None:
        """Call `read` for as long as the child's last words are waiting."""
        while select.select([self.sock], [], [], 0)[0] and self.sock.recv(1, socket.MSG_PEEK):
            read()

    def ended(self, status: int) -> AgentError:
        """Return what its end means for the requests that it owes an answer to."""
        return endings.ending(
            status,
            timed_out=self.timed_out,
            deadline_s=self._deadline_s,
            oom_kills=endings.oom_kills() - self._oom_before,
            log=endings.tail(self.log),
        )


class ZygoteProcess:
    """An engine's zygote, seen from the agent."""

    def __init__(self, engine: str, log: str, lease: int) -> None:
        self.log = log
        self.facts: Optional[Dict[str, Any]] = None
        self.control, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [
            sys.executable,
            "-B",
            sys.argv[0],
            "--zygote",
            str(far_end.fileno()),
            engine,
            log,
            str(os.getpid()),
        ]
        # Nothing of the login's Python settings may reach the engine.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(far_end.fileno(), lease),
                start_new_session=True,
            )
        far_end.close()

    def fork(self, cell: CellProcess) -> None:
        """Ask for a child for `cell`; its pid comes with the answer."""
        order = json.dumps({"log": cell.log}).encode("utf-8")
        kernel.send_with_descriptor(self.control, order, cell.far_end.fileno())
        cell.far_end.close()

    def receive(self) -> Optional[Dict[str, Any]]:
        """Return the zygote's next message; None when it has ended."""
        data = self.control.recv(kernel.MAX_MESSAGE)
        return json.loads(data.decode("utf-8")) if data else None

    def why_ended(self) -> AgentError:
        """Return what the zygote's unexpected end means."""
        said = " ".join(endings.tail(self.log).split())[-600:]
        return AgentError("engine-start-failed", "the engine's process ended (%s). %s" % (self._process.poll(), said))

    def kill(self) -> None:
        """End it and its session; its children die with it (PR_SET_PDEATHSIG)."""
        kill_group(self._process.pid)
        self._process.wait()
        self.control.close()


def kill_group(pid: int) -> None:
    """Kill a process group that is ours; one that is gone is fine."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
