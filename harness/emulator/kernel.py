"""The few system calls that Python's standard library does not offer, through the C library."""

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option: int, first: int, second: int = 0) -> None:
    """Change an attribute of this process.

    Raises:
        OSError: the kernel refused.
    """
    words = [ctypes.c_ulong(word) for word in (first, second, 0, 0)]
    _checked(_libc().prctl(option, *words), f"prctl({option})")


def unshare(flags: int) -> None:
    """Move this process into namespaces of its own.

    Raises:
        OSError: the kernel refused.
    """
    _checked(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, flags: int) -> None:
    """Mount without a file system type or data.

    Raises:
        OSError: the kernel refused.
    """
    _checked(_libc().mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None), f"mount {target}")
