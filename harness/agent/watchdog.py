"""The watchdog: a process of its own that ends an agent whose loop stands still.

An agent that is stopped or hangs notices no silence, and with the lease in its hand it would keep the board for
ever. So its loop says every quarter of a second that it still turns; when that stays out for too long the watchdog
kills it, and the kernel takes zygotes and children with it (PR_SET_PDEATHSIG).

Silence is counted in the watchdog's own waits, not by a clock: a machine that was suspended for a minute, or has no
time for either of the two, has one wait that took long, and nobody is killed for it.
"""

import contextlib
import math
import os
import select
import signal
import struct
import time
from typing import Any, Callable

from harness.agent import kernel

TICK_S = 0.25
LEAST_S = 3.0
"""No agent is killed for a shorter silence: it waits up to two seconds for a zygote that ended."""

_WAIT_S = 0.5
_WORD = struct.Struct("d")
_READ = 512 * _WORD.size


class Watchdog:
    """The agent's end: whoever calls `tick` again and again lives."""

    def __init__(self, told: int) -> None:
        self._told = told
        self._silence_s = 0.0
        self._last = -math.inf

    @classmethod
    def start(cls) -> "Watchdog":
        """Fork the watchdog, which sleeps until `guard`.

        Call it while there is one thread and no descriptor but 0, 1 and 2: the watchdog must hold neither the lease
        nor the way to the coordinator.

        Raises:
            OSError: there is no room for another process.
        """
        agent = os.getpid()
        heard, told = os.pipe()
        if os.fork() == 0:
            try:
                os.close(told)
                _be_watchdog(heard, agent)
            finally:
                os._exit(0)
        os.close(heard)
        os.set_blocking(told, False)
        return cls(told)

    def guard(self, silence_s: float) -> None:
        """From now on, die if `tick` is not called for so many seconds."""
        self._silence_s = max(LEAST_S, silence_s)
        self._last = -math.inf
        self.tick()

    def tick(self) -> None:
        """Say that the loop turns, where it is guarded."""
        now = time.monotonic()
        if self._silence_s and now - self._last >= TICK_S:
            self._last = now
            # A pipe that is full, or has no reader, is a watchdog that is stopped or dead: no reason to wait for it.
            with contextlib.suppress(OSError):
                os.write(self._told, _WORD.pack(self._silence_s))


def watch(
    heard: int,
    agent: int,
    wait: Callable[..., Any] = select.select,
    parent: Callable[[], int] = os.getppid,
    kill: Callable[[int, int], None] = os.kill,
) -> None:
    """Return at the end of `heard`, which is the agent's end, or after having killed it."""
    silence_s, waits = math.inf, 0
    while waits * _WAIT_S <= silence_s:
        ready, _, _ = wait([heard], [], [], _WAIT_S if silence_s < math.inf else None)
        if ready:
            words = os.read(heard, _READ)
            if not words:
                return
            silence_s, waits = _WORD.unpack(words[-_WORD.size :])[0], 0
        else:
            waits += 1
    # Its number may be anybody's once it has ended.
    if parent() == agent:
        kill(agent, signal.SIGKILL)


def _be_watchdog(heard: int, agent: int) -> None:
    kernel.die_with_parent(agent)
    kernel.be_called("farm-watchdog")
    os.setsid()  # what stops or ends the agent's group must not reach it
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    watch(heard, agent)
