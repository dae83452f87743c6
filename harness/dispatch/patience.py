"""Waiting for a device that somebody else holds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from harness.errors import Code, DeviceError
from harness.fleet.deadline import Deadline

STEP_S = 2.0
"""Between two questions whether the device is free."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a busy device is waited for.

    Attributes:
        limit_s: seconds; 0 takes a device that is busy for one that cannot be had.
        stopped: tells that the run is being ended, and nobody waits any longer.
    """

    limit_s: float = 0.0
    stopped: Callable[[], bool] = bool


NOT_AT_ALL: Final = Patience()


def when_free(
    take: Callable[[], T],
    patience: Patience,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    tell: Callable[[str], None],
) -> T:
    """Return what `take` returns as soon as it no longer says that the device is busy.

    Args:
        take: tries to get the device.
        patience: how long.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
        tell: hears, in words, who is waited for and how much longer.

    Raises:
        DeviceError: device-busy when the waiting is over; whatever else `take` raises, at once.
    """
    until = Deadline.after(patience.limit_s, clock)
    while True:
        try:
            return take()
        except DeviceError as error:
            if error.problem.code is not Code.DEVICE_BUSY or patience.stopped():
                raise
            if until.expired:
                raise _in_vain(error, patience.limit_s) from None
            tell(f"waiting, {until.left:.0f} s at most: {error.problem.message}")
        sleep(min(STEP_S, until.left))


def _in_vain(error: DeviceError, waited_s: float) -> DeviceError:
    if not waited_s:
        return error
    problem = error.problem
    return DeviceError(problem.code, f"{problem.message} {waited_s:.0f} s were waited in vain.", problem.advice)
