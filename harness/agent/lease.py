"""The lease: whoever holds the kernel's lock on one file may use the board.

The descriptor is inherited by zygotes and children, so that the board stays locked while anything of ours
runs, and is free as soon as the last of them has ended, however it ended.
"""

import contextlib
import errno
import fcntl
import json
import os
import signal
import time
from typing import Any, Dict, Optional

from harness.agent.failures import AgentError, from_os_error

REPLACE_S = 10.0
_STEP_S = 0.1


def take(path: str, run: str, holder: str) -> int:
    """Lock the file at `path` and write down who holds it; return the descriptor.

    An agent of the same run that still holds it is a leftover of a lost connection: it is ended and replaced.

    Raises:
        AgentError: device-busy with `held_by`; workdir-unusable.
    """
    path = os.path.abspath(os.path.expanduser(path))
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise from_os_error(error, "the lease %s" % path) from error
    if not _lock(descriptor) and not _replace(descriptor, run):
        held_by = _read(descriptor)
        os.close(descriptor)
        raise AgentError("device-busy", _busy(held_by), held_by=held_by)
    note = {"run": run, "holder": holder, "since": time.time(), "pid": os.getpid()}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(note).encode("utf-8"), 0)
    return descriptor


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise from_os_error(error, "the lease cannot be locked") from error
    return True


def _replace(descriptor: int, run: str) -> bool:
    held_by = _read(descriptor)
    if held_by is None or held_by.get("run") != run or not isinstance(held_by.get("pid"), int):
        return False
    # The lock is held, so its holder lives, and the pid that it wrote is its own.
    with contextlib.suppress(OSError):
        os.kill(held_by["pid"], signal.SIGTERM)
    until = time.monotonic() + REPLACE_S
    while time.monotonic() < until:
        if _lock(descriptor):
            return True
        time.sleep(_STEP_S)
    return False


def _read(descriptor: int) -> Optional[Dict[str, Any]]:
    try:
        note = json.loads(os.pread(descriptor, 4096, 0).decode("utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def _busy(held_by: Optional[Dict[str, Any]]) -> str:
    if held_by is None:
        return "Somebody holds the lease of this device."
    since = held_by.get("since")
    minutes = (time.time() - since) / 60 if isinstance(since, (int, float)) else 0
    return "Run %s of %s holds this device since %.0f minutes." % (
        held_by.get("run"),
        held_by.get("holder"),
        minutes,
    )
