"""A cell's child, seen from the agent."""

import collections
import contextlib
import os
import select
import signal
import socket
import time
from typing import Deque, Optional, Tuple

from harness.agent import endings
from harness.agent.failures import AgentError
from harness.agent.frames import Decoder, FrameError, Header, encode
from harness.agent.request import Request

MAX_REQUEST = 1 << 16
"""Bytes of a request to a cell: one always fits into the buffer of an idle child's socket."""

_LAST_WORDS_S = 5.0
_READ = 1 << 18


class CellProcess:
    """A socket, the requests the child owes an answer to, a deadline. One request at a time is under way.

    Attributes:
        log: the file that the child prints to; it also names the child to the zygote.
        far_end: the child's end of the socket, until it was handed over.
    """

    def __init__(self, name: str, log: str, deadline_s: float) -> None:
        self.name = name
        self.log = log
        self.sock, self.far_end = socket.socketpair()
        self.sock.setblocking(False)
        self._pid: Optional[int] = None
        self._asked: Deque[Tuple[Request, bytes]] = collections.deque()
        self._decoder = Decoder()
        self._deadline_s = deadline_s
        self._deadline = time.monotonic() + deadline_s
        self._late = False
        self._damage = ""
        self._doomed = False
        self._oom_before = endings.oom_kills()

    def ask(self, request: Request, header: Header) -> None:
        """Pass a request on, as `header`, once those before it are answered.

        Raises:
            AgentError: protocol, too large a request.
        """
        frame = encode(header)
        if len(frame) > MAX_REQUEST:
            raise AgentError("protocol", "a request to a cell of %d bytes" % len(frame))
        self._asked.append((request, frame))
        if len(self._asked) == 1:
            self._send(frame)

    def read(self) -> bool:
        """Pass on what the child says now; return False at the end of what it will ever say."""
        try:
            data = self.sock.recv(_READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        try:
            for header, payload in self._decoder.feed(data):
                self._take(header, payload)
        except FrameError as error:
            self._damage = str(error)
            self.kill()
            return False
        return bool(data)

    def born(self, pid: int) -> None:
        """Note the child's process id; one that was doomed before it was born ends now."""
        self._pid = pid
        if self._doomed:
            self.kill()

    def kill(self) -> None:
        """End the child and whatever it started."""
        self._doomed = True
        if self._pid is not None:
            kill_group(self._pid)

    def kill_if_late(self, now: float) -> None:
        """End the child if its time is over."""
        if now > self._deadline and not self._doomed:
            self._late = True
            self.kill()

    def overdue(self, now: float) -> bool:
        """Whether its time has been over for a while, and it was never born."""
        return self._late and self._pid is None and now > self._deadline + _LAST_WORDS_S

    def orphaned(self, why: str) -> AgentError:
        """Return what the end of its zygote means for it."""
        return AgentError("cell-timeout" if self._late else "child-killed", why)

    def settle(self, failure: AgentError) -> None:
        """Answer all that is still owed with why it will never be done; the child is gone."""
        self.sock.close()
        with contextlib.suppress(OSError):
            os.unlink(self.log)
        while self._asked:
            self._asked.popleft()[0].refuse(failure)

    def ended(self, status: int) -> AgentError:
        """Return what the child's end means; what it wrote before it ended is passed on first."""
        while not self._damage and select.select([self.sock], [], [], 0)[0] and self.read():
            pass
        return endings.ending(
            status,
            late_s=self._deadline_s if self._late else None,
            damage=self._damage,
            oom_kills=endings.oom_kills() - self._oom_before,
            log=endings.tail(self.log),
        )

    def _take(self, header: Header, payload: bytes) -> None:
        if self._late:
            return  # born after its time was over, it may still answer before the kill arrives
        if not self._asked:
            raise FrameError("an answer that nobody asked for")
        request, _ = self._asked.popleft()
        request.answer(header, payload)
        if request.op == "close":
            # It should end by itself now, and what hangs must not disturb the next cell.
            self._deadline = min(self._deadline, time.monotonic() + _LAST_WORDS_S)
        if self._asked:
            self._send(self._asked[0][1])

    def _send(self, frame: bytes) -> None:
        # Where it does not go through, the child is dead or as good as dead; the zygote reports its end.
        try:
            self.sock.sendall(frame)
        except OSError:
            self.kill()


def kill_group(pid: int) -> None:
    """Kill a process group that is ours; one that is gone is fine."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
