"""How far a timing can be trusted, in words."""

from harness.judge.timing import STABLE
from harness.report import numbers
from harness.results import Timing


def stability(timing: Timing) -> str:
    """Return `stable`, or what keeps the timing from being that: noisy, drifting, few, output changed."""
    if timing.stable:
        return timing.grade or STABLE
    return "output changed" if timing.grade == STABLE else timing.grade or "not stable"


def drift(timing: Timing) -> str:
    """Return the drift as a change: `+12.0 %` where the last third took that much longer than the first."""
    return f"{numbers.signed(100.0 * (timing.drift - 1.0))} %"
