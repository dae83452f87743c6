"""A deadline on a monotonic clock, handed down so that what is within can never outlive what is around."""

import time
from collections.abc import Callable
from dataclasses import dataclass

GRACE_S = 15.0
"""How much longer than the device we wait: it ends what hangs there and says so, which is no lost link."""

Clock = Callable[[], float]
"""Seconds on a clock that never runs backwards."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on `clock`, seconds."""

    at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> "Deadline":
        """Return the deadline that lies `seconds` ahead."""
        return cls(clock() + seconds, clock)

    def within(self, seconds: float) -> "Deadline":
        """Return a nested deadline: `seconds` ahead, or this one if that is sooner."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    @property
    def left(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self.at - self.clock())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.clock() >= self.at
