"""The agent's loop: calls whoever waits for a descriptor, and does what other threads hand over."""

import collections
import contextlib
import selectors
import socket
from typing import Any, Callable, Deque, Dict

Call = Callable[[], None]


class Loop:
    """All callbacks run in the thread that calls `turn`; only `post` may be called from another one."""

    def __init__(self) -> None:
        self._selector = selectors.PollSelector()  # unlike epoll, it takes any kind of file
        self._watched: Dict[int, selectors.SelectorKey] = {}
        self._posted: Deque[Call] = collections.deque()
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)
        self.watch(self._near, self._wake_up)

    def watch(self, readable: Any, call: Call) -> None:
        """Call `call` whenever the descriptor or socket has something to read."""
        key = self._selector.register(readable, selectors.EVENT_READ, call)
        self._watched[key.fd] = key

    def unwatch(self, readable: Any) -> None:
        """Forget a descriptor or socket, before it is closed; one that is not watched is fine."""
        descriptor = readable if isinstance(readable, int) else readable.fileno()
        if self._watched.pop(descriptor, None) is not None:
            self._selector.unregister(descriptor)

    def post(self, call: Call) -> None:
        """Have `call` called by the loop's thread, soon."""
        self._posted.append(call)
        # A full buffer means that the loop is being woken already.
        with contextlib.suppress(BlockingIOError):
            self._far.send(b"x")

    def turn(self, wait_s: float) -> None:
        """Make the calls that are due; wait for the first one for at most `wait_s` seconds."""
        for key, _ in self._selector.select(wait_s):
            # An earlier call of the same turn may have ended what this one is about, and even reused its number.
            if self._watched.get(key.fd) is key:
                key.data()
        while self._posted:
            self._posted.popleft()()

    def _wake_up(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._near.recv(4096)
