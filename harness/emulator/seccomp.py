"""A filter on two system calls that keep a userland from running well under proot.

- `prctl(PR_SET_DUMPABLE, 0)`, which sftp-server makes, takes proot's right to look into it, and the server
  ends with "Permission denied". A user namespace would give the right back, but many machines forbid those
  to ordinary users. The filter lets the call succeed without effect.
- `statx`, which proot before 5.2 does not translate, shows the host's files in place of the board's. The
  filter answers "no such call", whereupon QEMU uses the older calls, which are translated.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Sequence

from harness.emulator.kernel import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl

_SECCOMP_MODE_FILTER = 2
_PR_SET_DUMPABLE = 4

# Instructions of the classic Berkeley packet filter: load a word, jump if equal, return.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

# Offsets into struct seccomp_data; arguments are 64 bits wide, and both machines are little-endian.
_CALL, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_MACHINES = {
    # machine: (AUDIT_ARCH, prctl, statx)
    "x86_64": (0xC000003E, 157, 332),
    "aarch64": (0xC00000B7, 167, 291),
}

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def instructions(architecture: int, prctl_call: int, statx_call: int) -> Sequence[Instruction]:
    """Return the filter as (operation, jump if true, jump if false, operand)."""
    return (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 0, 5, architecture),
        (_LOAD, 0, 0, _CALL),
        (_JUMP_IF_EQUAL, 4, 0, statx_call),
        (_JUMP_IF_EQUAL, 0, 2, prctl_call),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_EQUAL, 2, 0, _PR_SET_DUMPABLE),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _ERRNO | 0),
    )


def install() -> None:
    """Put the filter on this process and all that it starts; does nothing on a machine it was not made for.

    Raises:
        OSError: the kernel refused.
    """
    numbers = _MACHINES.get(platform.machine())
    if numbers is None:
        return
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions(*numbers))
    program = _Program(len(code) // 8, code)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
