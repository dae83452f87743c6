"""How a process ended, in the words of the failure taxonomy."""

import os
import signal

from harness.agent.failures import AgentError

_CRASHES = ("SIGSEGV", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSYS", "SIGTRAP")
_TAIL = 600


def ending(status: int, *, timed_out: bool, deadline_s: float, oom_kills: int, log: str) -> AgentError:
    """Return what the wait status of a child means.

    Args:
        status: as os.waitpid gives it.
        timed_out: whether we killed it for being late.
        deadline_s: how long it had, seconds.
        oom_kills: how many processes the kernel killed for memory while it ran.
        log: what it printed last.
    """
    if timed_out:
        return AgentError("cell-timeout", "the cell was not done within %.0f s" % deadline_s)
    said = " It said: %s" % " ".join(log.split())[-_TAIL:] if log.strip() else ""
    if not os.WIFSIGNALED(status):
        return AgentError("child-crashed", "the process ended with status %d.%s" % (os.WEXITSTATUS(status), said))
    name = signal.Signals(os.WTERMSIG(status)).name
    if name in _CRASHES:
        return AgentError("child-crashed", "the engine died of %s.%s" % (name, said))
    if name == "SIGKILL" and oom_kills > 0:
        return AgentError("out-of-memory", "the kernel killed the process for want of memory (SIGKILL)")
    return AgentError("child-killed", "something killed the process with %s.%s" % (name, said))


def oom_kills(path: str = "/proc/vmstat") -> int:
    """Return how many processes this kernel has killed for want of memory so far; 0 where it does not say."""
    try:
        with open(path, "rb") as file:
            for line in file.read(1 << 16).decode("ascii", "replace").splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    except (OSError, ValueError):
        pass
    return 0


def tail(path: str) -> str:
    """Return the end of a log; empty where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 4096))
            return file.read(4096).decode("utf-8", "replace")
    except OSError:
        return ""
