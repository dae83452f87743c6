"""What Python's standard library does not offer of Linux: a parent's death as a signal, a descriptor's journey."""

import array
import ctypes
import os
import signal
import socket
from typing import Tuple

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
MAX_MESSAGE = 1 << 16


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; end at once if it has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def be_called(name: str) -> None:
    """Give this process a name of up to 15 letters, as `ps -e` and `top` show it."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode("ascii")), 0, 0, 0)


def send_with_descriptor(sock: socket.socket, data: bytes, descriptor: int) -> None:
    """Send a message and a descriptor with it (socket.send_fds is newer than Python 3.8)."""
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])


def receive_with_descriptor(sock: socket.socket) -> Tuple[bytes, int]:
    """Receive what `send_with_descriptor` sent; -1 where there was no descriptor, b"" at the end."""
    data, ancillary, _, _ = sock.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(array.array("i").itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            received = array.array("i")
            received.frombytes(content[: received.itemsize])
            return data, received[0]
    return data, -1
