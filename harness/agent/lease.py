"""The lease: whoever holds the kernel's lock on one file may use the board.

The descriptor is inherited by zygotes and children, so that the board stays locked while anything of ours
runs, and is free as soon as the last of them has ended, however it ended.
"""

import contextlib
import errno
import fcntl
import os
import signal
import time

from harness.agent import holder
from harness.agent.failures import AgentError, from_os_error

REPLACE_S = 10.0
_STEP_S = 0.1


def take(path: str, run: str, name: str) -> int:
    """Lock the file at `path` and write down that `name` holds it for `run`; return the descriptor.

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
        holder.sign(descriptor, run, name)
    except OSError as error:
        raise from_os_error(error, "the lease %s" % path) from error
    return descriptor


def _locked(path: str, run: str) -> int:
    descriptor = _opened(path)
    if not _lock(descriptor) and not _replace(descriptor, run):
        held_by = holder.read(descriptor)
        os.close(descriptor)
        raise AgentError("device-busy", holder.told(held_by), held_by=held_by)
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
    held_by = holder.read(descriptor)
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
