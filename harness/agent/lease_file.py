"""The lease's file. It may lie where other accounts write, and so may be anything by the time it is opened."""

import contextlib
import errno
import os
import stat

from harness.agent.failures import AgentError

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
"""No link: it may lead to any file of ours. And no waiting for the other end of what is no file at all."""


def look_into(path: str) -> int:
    """Open it for reading only; return the descriptor.

    Raises:
        OSError: it is not there, is a link, or cannot be read.
    """
    return os.open(path, os.O_RDONLY | _FLAGS)


def opened(path: str) -> int:
    """Open the lease's file, which is made where there is none; return the descriptor.

    Raises:
        AgentError: workdir-unusable, it is no ordinary file of one name.
        OSError: it cannot be opened or made.
    """
    try:
        descriptor = _found(path)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        descriptor = -1
    if descriptor < 0 or not _is_plain(descriptor):
        # It lies where others may write, or its owner made a mistake: either way it is not ours to overwrite.
        if descriptor >= 0:
            os.close(descriptor)
        raise AgentError("workdir-unusable", "the lease %s is a link, or no ordinary file: remove it" % path)
    return descriptor


def _found(path: str) -> int:
    while True:
        # Without O_CREAT first: in a shared folder like /tmp the kernel refuses it on another account's file.
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | _FLAGS)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
            # Accounts that share a board share its lease; the umask must not lock them out.
            with contextlib.suppress(OSError):
                os.fchmod(descriptor, 0o666)
            return descriptor


def _is_plain(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1  # 0: somebody removed it just now


def is_at(path: str, descriptor: int) -> bool:
    """Whether an open file still stands at `path`."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
