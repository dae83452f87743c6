"""What a process that handles files of unknown origin may take of this machine."""

import ctypes
import os
import resource
import signal

MAX_FILE = 16 << 30
"""Bytes of any one file that is written."""

_PR_SET_PDEATHSIG = 1


def bind() -> None:
    """Bind this process for good: it dies with its parent, dumps no core, and takes no more memory than there is."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, MAX_FILE),
    ):
        _, most = resource.getrlimit(what)
        bound = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(what, (bound, bound))
