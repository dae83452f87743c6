"""An engine's zygote, seen from the agent."""

import json
import os
import socket
import sys
from typing import Any, Dict, Optional

from harness.agent import endings, kernel
from harness.agent.cell_process import CellProcess, kill_group
from harness.agent.failures import AgentError
from harness.agent.starting import start

_END_S = 2.0


class ZygoteProcess:
    """A running zygote.

    Attributes:
        facts: engine, numpy and banner; None until it has imported them.
        control: the socket on which it reports.
    """

    def __init__(self, engine: str, log: str, lease: int) -> None:
        import subprocess  # takes its time to import, and the first heartbeats come before it is needed

        self.log = log
        self.facts: Optional[Dict[str, Any]] = None
        self.control, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Isolated and without site: nothing of the login's or the device's Python packages may reach the engine.
        command = [sys.executable, "-I", "-S", "-B", sys.argv[0], "--zygote"]
        command += [str(far_end.fileno()), engine, log, str(os.getpid())]
        # numpy's own threads would sit in every child, and must not be there when the zygote forks.
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        with open(log, "wb") as output, far_end:
            self._process = start(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(far_end.fileno(), lease),
                start_new_session=True,
            )

    def fork(self, cell: CellProcess) -> None:
        """Ask for a child for `cell`; its pid comes with the answer.

        Raises:
            AgentError: child-killed, the zygote is gone.
        """
        order = json.dumps({"log": cell.log}).encode("utf-8")
        try:
            kernel.send_with_descriptor(self.control, order, cell.far_end.fileno())
        except OSError as error:
            raise AgentError("child-killed", "the engine's process is gone: %s" % error) from error
        finally:
            cell.far_end.close()

    def receive(self) -> Optional[Dict[str, Any]]:
        """Return the zygote's next message; None when it has ended, or lost its mind."""
        try:
            message = json.loads(self.control.recv(kernel.MAX_MESSAGE).decode("utf-8"))
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    @property
    def gone(self) -> bool:
        """Whether it has closed its end of the socket, or the kernel has: the news may not have been read yet."""
        try:
            return not self.control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def end(self) -> None:
        """Have the kernel end it; `control` tells when it has ended."""
        kill_group(self._process.pid)

    def kill(self) -> None:
        """End it; its children die with it (PR_SET_PDEATHSIG)."""
        self.end()
        self._process.wait()
        self.control.close()

    def ended(self) -> str:
        """Wait for it to be gone; return how it ended and what it said."""
        import subprocess

        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            status = 0
        self.kill()
        how = endings.signal_name(-status) if status < 0 else "status %d" % status
        return "the engine's process ended (%s). %s" % (how, self.said())

    def said(self) -> str:
        """Return what it printed last."""
        return " ".join(endings.tail(self.log).split())[-600:]
