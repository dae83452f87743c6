"""Letting gateways know that the coordinator lives while its main thread waits for something else.

A gateway that nobody asks takes the coordinator for dead and lets its devices go (`gateway.ABANDONED_S`). But a disk
may be slow, a terminal stopped with Ctrl-S, another site's gateway frozen: then these threads still ask. There are
none any more where the coordinator is killed, or frozen as a whole.
"""

import contextlib
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from harness.errors import FarmError

EVERY_S = 3.0


class Attended(Protocol):
    """A gateway, as far as this needs it."""

    def attend(self) -> None:
        """Tell it that the coordinator lives."""


@contextlib.contextmanager
def attending(gateways: Collection[Attended], every_s: float = EVERY_S) -> Iterator[None]:
    """Tell each of the gateways every few seconds that the coordinator lives, until this ends."""
    ended = threading.Event()

    def attend(gateway: Attended) -> None:
        while not ended.wait(every_s):
            with contextlib.suppress(FarmError):  # a gateway that is lost is noticed where it is asked for events
                gateway.attend()

    # A thread each: one that is frozen lets nobody through.
    pool = ThreadPoolExecutor(max_workers=max(1, len(gateways)), thread_name_prefix="farm-attend")
    try:
        for gateway in gateways:
            pool.submit(attend, gateway)
        yield
    finally:
        ended.set()
        pool.shutdown(wait=False)
