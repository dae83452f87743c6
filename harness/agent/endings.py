"""How a process ended, in the words of the failure taxonomy."""

import os
import signal
from typing import Optional, Tuple

from harness.agent.failures import AgentError

_CRASHES = ("SIGSEGV", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSYS", "SIGTRAP")
_TAIL = 600


def ending(status: int, *, late_s: Optional[float], damage: str, oom_kills: int, log: str) -> AgentError:
    """Return what the wait status of a child means.

    Args:
        status: as os.waitpid gives it.
        late_s: how long it had, seconds, if we killed it for being late.
        damage: what was wrong with its last words, if we killed it for that.
        oom_kills: how many processes the kernel killed for memory while it ran.
        log: what it printed last.
    """
    said = " It said: %s" % " ".join(log.split())[-_TAIL:] if log.strip() else ""
    if late_s is not None:
        return AgentError("cell-timeout", "the cell was not done within %.0f s.%s" % (late_s, said))
    if damage:
        return AgentError("child-crashed", "what the process said became unreadable: %s.%s" % (damage, said))
    if os.WIFSIGNALED(status):
        code, what = _of_signal(signal_name(os.WTERMSIG(status)), oom_kills, log)
    else:
        code, what = "child-crashed", "the process ended with status %d" % os.WEXITSTATUS(status)
    return AgentError(code, "%s.%s" % (what, said))


def _of_signal(name: str, oom_kills: int, log: str) -> Tuple[str, str]:
    if name == "SIGABRT" and "bad_alloc" in log:
        return "out-of-memory", "the engine got no memory and aborted"
    if name in _CRASHES:
        return "child-crashed", "the engine died of %s" % name
    if name == "SIGKILL" and oom_kills > 0:
        return "out-of-memory", "the kernel killed the process for want of memory (SIGKILL)"
    return "child-killed", "something killed the process with %s" % name


def signal_name(number: int) -> str:
    """Return a signal's name; real-time signals have none of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


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
