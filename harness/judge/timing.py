"""From single inference times to a median that says how far it can be trusted."""

import math

import numpy as np

from harness.evidence import RawTiming
from harness.results import Timing

STABLE_SPREAD = 0.05
"""Largest MAD / median of a timing that is called stable."""

STABLE_SAMPLES = 5
"""Fewest samples of a timing that is called stable."""


def unusable(raw: RawTiming) -> str:
    """Say why these times are no times at all (none taken, a clock that runs backwards), or return ''."""
    if not raw.samples_ms:
        return "no inference was timed"
    if not all(math.isfinite(ms) and ms > 0.0 for ms in (raw.first_ms, *raw.samples_ms)):
        return "the device's clock gave times that are not positive"
    return ""


def summarise(raw: RawTiming, *, emulated: bool) -> Timing:
    """Return median, 90th percentile (linear between order statistics) and MAD, all milliseconds.

    MAD is the median distance from the median, unscaled. A timing is stable if it has at least
    `STABLE_SAMPLES` samples, its MAD / median is at most `STABLE_SPREAD`, and the output did not
    change while it was taken.

    Raises:
        ValueError: the times are `unusable`.
    """
    if problem := unusable(raw):
        raise ValueError(problem)
    samples = np.asarray(raw.samples_ms, dtype=np.float64)
    median = float(np.median(samples))
    spread = float(np.median(np.abs(samples - median)))
    steady = len(samples) >= STABLE_SAMPLES and spread <= STABLE_SPREAD * median
    return Timing(
        emulated=emulated,
        first_ms=raw.first_ms,
        median_ms=median,
        p90_ms=float(np.percentile(samples, 90)),
        mad_ms=spread,
        stable=steady and raw.output_unchanged,
    )
