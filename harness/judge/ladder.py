"""Bounds on a count at many rates that fit into each other: what refutes a rate refutes every larger one.

`spending` gives each rate its own bounds, which spend as early as they can. So a count may refute a rate and not a
larger one, and from such bounds nobody could read an interval. Here the rates stand on a ladder, `RUNGS` steps of
`STEP` in log-odds up and down from the rate that is asked about, and the bound at a look is at most that of the rung
above. A lower bound is crossed less often, so every rung keeps its error rate; what it leaves unspent is spent later.
Then the rungs that are refuted are all those from one rung up, and that rung is the end of an interval which holds
however often one looks: a repeated confidence interval, Jennison and Turnbull, J. R. Stat. Soc. B 51 (1989) 305-361.

Steps this wide cost nothing: at the usual schedules no bound of the rate itself is lower than without the ladder.
"""

import math
from bisect import bisect_left
from functools import lru_cache
from typing import Final

from harness.judge.spending import Bounds, spent

STEP: Final = 0.2
"""In log-odds: about a fifth of the rate, where that is small."""

RUNGS: Final = 40
"""Up, and down: from 5 % to 99.4 % and to 0.002 %."""


def low_bounds(looks: tuple[int, ...], rate: float, error: float) -> Bounds:
    """Return the largest count at each look that refutes a rate of `rate` or more; -1 where none does.

    The bound at a look does not depend on the looks that follow. Takes and raises what `spending.spent` does.
    """
    return rung_bounds(looks, rate, error, 0)


def upper_end(count: int, *, looks: tuple[int, ...], rate: float, error: float) -> float:
    """Return the lowest rung that `count` at the last look refutes: the true rate is below it; 1 where none is.

    It is at most `rate` exactly where `count` is within `low_bounds` there. If the true rate is r, the end is at or
    below r at any look with a probability of at most `error`.

    Args:
        count: of images, 0..looks[-1].
        looks: numbers of images, rising.
        rate: 0..1, on which the ladder stands.
        error: 0..1, over all looks together.
    """
    rungs = _rungs(rate)
    # From the highest down: first all that are refuted, then none.
    refuted = bisect_left(rungs, True, key=lambda rung: count > rung_bounds(looks, rate, error, rung)[-1])
    return _at(rate, rungs[refuted - 1]) if refuted else 1.0


def _rung_bounds(looks: tuple[int, ...], rate: float, error: float, rung: int) -> Bounds:
    higher = rung + 1
    # Looked at once there is nothing to spend early, and no cap binds.
    capped = len(looks) > 1 and higher in _rungs(rate)
    caps = rung_bounds(looks, rate, error, higher) if capped else None
    return spent(looks, _at(rate, rung), error, caps)


# Not by a decorator: mutation testing leaves out what is decorated, and verdicts rest on these bounds.
rung_bounds = lru_cache(maxsize=16384)(_rung_bounds)


def _rungs(rate: float) -> range:
    """Return the rungs from the highest down; a rate of 0 or 1 has no others beside it."""
    most = RUNGS if 0.0 < rate < 1.0 else 0
    return range(most, -most - 1, -1)


def _at(rate: float, rung: int) -> float:
    # The rate itself to the bit, so that an end that reaches it is told from one that does not.
    return rate if rung == 0 else 1.0 / (1.0 + (1.0 - rate) / rate * math.exp(-STEP * rung))
