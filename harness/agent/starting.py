"""Starting a process, also where the kernel's answer comes through a tracer."""

import errno
import time
from typing import Any, Sequence

_TRIES = 5
_PAUSE_S = 0.05


def start(command: Sequence[str], **options: Any) -> Any:
    """Return a started `subprocess.Popen`.

    Under a tracer (proot, as on phones) `execve` is now and then told EFAULT for a path that is good. Nothing was
    started then, so it is tried again; every other failure is what it is.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess  # takes its time to import, and the first heartbeats come before it is needed

    for left in reversed(range(_TRIES)):
        try:
            return subprocess.Popen(command, **options)
        except OSError as error:
            if error.errno != errno.EFAULT or not left:
                raise
            time.sleep(_PAUSE_S)
    raise AssertionError("the last try returns or raises")
