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
        AgentError: device-busy with `held_by`; workdir-unusable, disk-full.
    """
    path = os.path.abspath(os.path.expanduser(path))
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = _locked(path, run)
        while not _is_at(path, descriptor):
            os.close(descriptor)  # somebody removed the file: a lock on it is worth nothing
            descriptor = _locked(path, run)
        _sign(descriptor, run, holder)
    except OSError as error:
        raise from_os_error(error, "the lease %s" % path) from error
    return descriptor


def _sign(descriptor: int, run: str, holder: str) -> None:
    note = {"run": run, "holder": holder, "since": time.time(), "pid": os.getpid()}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode("utf-8"), 0)
    except OSError:
        os.close(descriptor)
        raise


def _locked(path: str, run: str) -> int:
    descriptor = _opened(path)
    if not _lock(descriptor) and not _replace(descriptor, run):
        held_by = _read(descriptor)
        os.close(descriptor)
        raise AgentError("device-busy", _busy(held_by), held_by=held_by)
    return descriptor


def _opened(path: str) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC
    try:
        # Without O_CREAT first: in a shared folder like /tmp the kernel refuses it on another account's file.
        return os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
    # Accounts that share a board share its lease; the umask must not lock them out.
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, 0o666)
    return descriptor


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _replace(descriptor: int, run: str) -> bool:
    held_by = _read(descriptor)
    pid = held_by.get("pid") if held_by is not None and held_by.get("run") == run else None
    if type(pid) is not int or pid <= 1:
        return False
    return _end(pid, signal.SIGTERM, descriptor) or _end(pid, signal.SIGKILL, descriptor)


def _end(pid: int, number: int, descriptor: int) -> bool:
    # Where the agent is dead and a child of its own holds the lock, the pid may be anybody's by now.
    if _has_open(pid, descriptor):
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    until = time.monotonic() + REPLACE_S / 2
    while time.monotonic() < until:
        if _lock(descriptor):
            return True
        time.sleep(_STEP_S)
    return False


def _has_open(pid: int, descriptor: int) -> bool:
    folder = "/proc/%d/fd" % pid
    lease = os.fstat(descriptor)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(os.path.join(folder, name)), lease):
                    return True
    return False


def _read(descriptor: int) -> Optional[Dict[str, Any]]:
    try:
        note = json.loads(os.pread(descriptor, 4096, 0).decode("utf-8"), parse_constant=str)
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict):
        return None
    return {
        key: note[key] for key in ("run", "holder", "since", "pid") if isinstance(note.get(key), (str, int, float))
    }


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
