"""A lock on a folder, which the kernel releases when its holder ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import Code, InputError

_PAUSE_S = 0.05


@contextmanager
def locked(path: Path, patience_s: float, advice: str) -> Iterator[None]:
    """Hold the lock.

    Raises:
        InputError: machine-not-ready, somebody else held it all the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + patience_s
    with path.open("a") as file:
        while not _taken(file.fileno()):
            if time.monotonic() > deadline:
                raise InputError(Code.MACHINE_NOT_READY, f"The boards of {path.parent} are in use.", advice)
            time.sleep(_PAUSE_S)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
