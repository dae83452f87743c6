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
from typing import Any, Dict, Tuple

from harness.agent import holder, lease_file, stopped
from harness.agent.failures import AgentError, from_os_error

REPLACE_S = 10.0
_GLANCE_S = 0.3
"""How long somebody who only looks (`peek`) may have the lock."""

_STEP_S = 0.1


def take(path: str, run: str, name: str, device: str = "") -> int:
    """Lock the file at `path` and write down that `name` holds it for `run`; return the descriptor.

    An agent of the same run that still holds it is a leftover of a lost connection: it is ended and replaced. But not
    one that knows the board by another name than `device`: it stands twice in that run's inventory, both are alive.
    Holders that somebody stopped are woken.

    Raises:
        AgentError: device-busy with `held_by`; workdir-unusable, disk-full.
    """
    path = os.path.abspath(os.path.expanduser(path))
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = _locked(path, run, device)
        while not lease_file.is_at(path, descriptor):
            os.close(descriptor)  # somebody removed the file: a lock on it is worth nothing
            descriptor = _locked(path, run, device)
        holder.sign(descriptor, run, name, device)
    except OSError as error:
        raise from_os_error(error, "the lease %s" % path) from error
    return descriptor


def peek(path: str) -> "Tuple[bool, Dict[str, Any]]":
    """Tell whether somebody holds the lease, and what stands in it of {run, holder, since, pid}.

    Raises:
        AgentError: workdir-unusable, the file is there and cannot be read.
    """
    path = os.path.abspath(os.path.expanduser(path))
    try:
        descriptor = lease_file.look_into(path)
    except FileNotFoundError:
        return False, {}
    except OSError as error:
        raise from_os_error(error, "the lease %s" % path) from error
    try:
        # Shared, so that two who look do not see each other; who takes the lease meanwhile tries again.
        held = not _lock(descriptor, fcntl.LOCK_SH)
        return held, (holder.read(descriptor) or {}) if held else {}
    finally:
        os.close(descriptor)


def _locked(path: str, run: str, device: str) -> int:
    descriptor = lease_file.opened(path)
    if not _lock_soon(descriptor) and not _replace(descriptor, run, device):
        held_by = holder.read(descriptor)
        stopped.wake(descriptor)  # whoever asks again finds it free, if nobody wants it any more
        os.close(descriptor)
        raise AgentError("device-busy", holder.told(held_by), held_by=held_by)
    return descriptor


def _lock_soon(descriptor: int) -> bool:
    until = time.monotonic() + _GLANCE_S
    while not _lock(descriptor):
        if time.monotonic() >= until:
            return False
        time.sleep(_STEP_S)
    return True


def _lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _replace(descriptor: int, run: str, device: str) -> bool:
    held_by = holder.read(descriptor)
    mine = held_by is not None and (held_by.get("run"), held_by.get("device")) == (run, device)
    pid = held_by.get("pid") if held_by is not None and mine else None
    if type(pid) is not int or pid <= 1:
        return False
    return _end(pid, signal.SIGTERM, descriptor) or _end(pid, signal.SIGKILL, descriptor)


def _end(pid: int, number: int, descriptor: int) -> bool:
    # Where the agent is dead and a child of its own holds the lock, the pid may be anybody's by now.
    if stopped.has_open(pid, descriptor):
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    until = time.monotonic() + REPLACE_S / 2
    while time.monotonic() < until:
        if _lock(descriptor):
            return True
        time.sleep(_STEP_S)
    return False
