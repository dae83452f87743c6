"""Whether a timing moved beyond its noise between two runs."""

import math
from dataclasses import dataclass
from typing import Final

from harness.evidence import CellKey
from harness.results import CellResult, Timing

SIGMA_PER_MAD: Final = 1.4826
"""1 / Φ⁻¹(3/4): the MAD times this estimates the standard deviation of normal noise (Hampel, "The influence curve
and its role in robust estimation", JASA 69, 1974; Rousseeuw and Croux, "Alternatives to the median absolute
deviation", JASA 88, 1993)."""

SIGMAS: Final = 3.0
MINIMAL_CHANGE: Final = 0.05
"""Smallest change that is told, as a share of the smaller of the two medians."""


@dataclass(frozen=True, slots=True)
class TimingChange:
    """A timing in both runs; `noise_ms` is the change that noise alone may make, milliseconds."""

    key: CellKey
    before: Timing
    after: Timing
    noise_ms: float

    @property
    def change_ms(self) -> float:
        """Median after minus median before, milliseconds."""
        return self.after.median_ms - self.before.median_ms

    @property
    def moved(self) -> bool:
        """Whether the medians differ by more than noise."""
        return abs(self.change_ms) > self.noise_ms

    @property
    def worse(self) -> bool:
        """Whether it is slower, on hardware: an emulated board's speed is nobody's loss."""
        return self.moved and self.change_ms > 0 and not self.after.emulated


def timing_change(before: CellResult, after: CellResult) -> TimingChange | None:
    """Pair a cell's two timings; None unless both are stable and both of hardware, or both emulated."""
    old, new = before.timing, after.timing
    if old is None or new is None or not (old.stable and new.stable) or old.emulated is not new.emulated:
        return None
    return TimingChange(after.key, old, new, noise_ms(old, new))


def noise_ms(before: Timing, after: Timing) -> float:
    """Return the largest difference of two medians that is taken for noise, milliseconds.

    max(3 · 1.4826 · sqrt(MAD_before² + MAD_after²), 5 % of the smaller median): three standard deviations of the
    difference of two *single* inferences. The medians themselves vary less within a run; but between runs
    clock and heat differ too, which the MAD of one run does not see, so the wider measure is taken. It is
    the same with the runs exchanged.
    """
    spread = SIGMAS * SIGMA_PER_MAD * math.hypot(before.mad_ms, after.mad_ms)
    return max(spread, MINIMAL_CHANGE * min(before.median_ms, after.median_ms))
