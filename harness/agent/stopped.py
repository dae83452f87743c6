"""Holders of the lease that somebody stopped (SIGSTOP): they neither go on nor end, and would keep the board forever.

The watchdog ends an agent whose loop stands still, but not if it is stopped too; and whoever puts a governor back
holds the lease until that is done. They are woken, not killed: an agent whose coordinator is gone then ends by
itself, one whose coordinator is there goes on, and a governor is put back.
"""

import contextlib
import os
import signal

_STOPPED = "T"


def wake(lease: int) -> int:
    """Let the stopped processes of this account that have the lease's file open go on; return how many there were."""
    woken = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and _state(name) == _STOPPED and has_open(int(name), lease):
            with contextlib.suppress(OSError):
                os.kill(int(name), signal.SIGCONT)
                woken += 1
    return woken


def has_open(pid: int, descriptor: int) -> bool:
    """Tell whether a process of this account has the file behind a descriptor open."""
    folder = "/proc/%d/fd" % pid
    wanted = os.fstat(descriptor)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(os.path.join(folder, name)), wanted):
                    return True
    return False


def _state(pid: str) -> str:
    try:
        with open("/proc/%s/stat" % pid, "rb") as stat:
            # The program's name, in brackets, may hold anything, brackets too.
            return stat.read().rpartition(b")")[2].split()[0].decode("ascii", "replace")
    except (OSError, IndexError):
        return ""
