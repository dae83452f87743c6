"""From single inference times to a median that says how far it can be trusted."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.evidence import RawTiming
from harness.judge.condition import moved as unsteady
from harness.results import Steady, Timing

STABLE_SPREAD = 0.05
"""Largest MAD / median of a timing that is called stable."""

STABLE_DRIFT = 1.1
"""Largest drift, up or (its inverse) down, of a timing that is called stable."""

STABLE_SAMPLES = 5
"""Fewest samples of a timing that is called stable."""

STEADY: Final = Steady()
FEW, DRIFTING, NOISY, STABLE = "few", "drifting", "noisy", "stable"


def unusable(raw: RawTiming) -> str:
    """Say why these times are no times at all (none taken, a clock that runs backwards), or return ''."""
    if not raw.samples_ms:
        return "no inference was timed"
    if not all(math.isfinite(ms) and ms > 0.0 for ms in (raw.first_ms, *raw.samples_ms)):
        return "the device's clock gave times that are not positive"
    return ""


def summarise(raw: RawTiming, *, emulated: bool, limits: Steady = STEADY) -> Timing:
    """Return median, 90th percentile (linear between order statistics), MAD, drift and grade; times in milliseconds.

    MAD is the median distance from the median, unscaled. A timing is `stable` if its grade is, and the output did
    not change while it was taken. What the device says against it (`harness.judge.condition`) goes before `grade`.

    Raises:
        ValueError: the times are `unusable`.
    """
    if problem := unusable(raw):
        raise ValueError(problem)
    samples = np.asarray(raw.samples_ms, dtype=np.float64)
    median = float(np.median(samples))
    spread = float(np.median(np.abs(samples - median)))
    moved = drift(samples)
    graded = unsteady(raw.health, limits) or grade(count=len(samples), median_ms=median, mad_ms=spread, drift=moved)
    return Timing(
        emulated=emulated,
        first_ms=raw.first_ms,
        median_ms=median,
        p90_ms=float(np.percentile(samples, 90)),
        mad_ms=spread,
        stable=graded == STABLE and raw.output_unchanged,
        drift=moved,
        grade=graded,
    )


def drift(samples_ms: NDArray[np.float64]) -> float:
    """Return the median of the last third of the times over that of the first third, in the order they were taken.

    A device that heats up and lowers its clock gives more than 1. A third is rounded down; 1 where that is nothing
    (fewer than three times).
    """
    third = len(samples_ms) // 3
    if third == 0:
        return 1.0
    return float(np.median(samples_ms[-third:]) / np.median(samples_ms[:third]))


def grade(*, count: int, median_ms: float, mad_ms: float, drift: float) -> str:
    """Return how far a median can be trusted.

    `few`: fewer than `STABLE_SAMPLES` times. `drifting`: the drift is beyond `STABLE_DRIFT` either way; told before
    `noisy` since a drift widens the MAD too. `noisy`: MAD / median is above `STABLE_SPREAD`. Else `stable`.
    """
    if count < STABLE_SAMPLES:
        return FEW
    if not 1.0 / STABLE_DRIFT <= drift <= STABLE_DRIFT:
        return DRIFTING
    return NOISY if mad_ms > STABLE_SPREAD * median_ms else STABLE
