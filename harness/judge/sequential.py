"""PASS and FAIL as one-sided statements that hold however often the growing evidence is looked at.

On the same images the reference and the device are right or wrong together, or an image is lost (only the
reference is right) or gained (only the device is). The drop in accuracy is P(lost) - P(gained). PASS says that it
is at most the threshold, FAIL that it is more. Each is wrong with a probability of at most 1 - confidence, over all
looks together and whatever the rates are:

- PASS by the images lost alone: the drop is at most P(lost), on which `spending` gives exact bounds. It gets
  `LOST_SHARE` of the error rate. Where nothing is lost at all, no test needs fewer images but for that share.
- PASS by betting on lost against gained, for variants that change many answers both ways. It gets the rest; the
  two rates add up at most (union bound).
- FAIL by betting the other way, with the whole of its own rate.

Without labels an image agrees or does not, and both statements rest on exact bounds for that count.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from harness.judge.betting import log_capital
from harness.judge.spending import high_bounds, low_bounds
from harness.results import Verdict

LOST_SHARE = 0.8
"""Part of a PASS's error rate that is given to the count of lost images."""

MAX_IMAGES = 100_000
"""Where no number of images up to here would settle it, none is in sight."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the looks at a cell came to.

    Attributes:
        verdict: PASS, FAIL or INCONCLUSIVE.
        method: the test that settled it; of an open one, those that were tried.
        images: after how many images it was settled; of an open one, how many were looked at.
        needed: how many images would settle it at the rates seen; None where settled, or none is in sight.
    """

    verdict: Verdict
    method: str
    images: int
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class AccuracyTest:
    """The tests on lost and gained images at a schedule of looks.

    Attributes:
        threshold: the drop that is allowed, 0..1.
        looks: numbers of images, rising.
        confidence: of each statement, 0..1.
    """

    threshold: float
    looks: tuple[int, ...]
    confidence: float

    @property
    def _error(self) -> float:
        return 1.0 - self.confidence

    def at(self, look: int, lost: NDArray[np.int64], gained: NDArray[np.int64]) -> tuple[Flags, Flags, Flags]:
        """Tell at the look with index `look` where the counts say PASS by lost, PASS by betting, FAIL by betting."""
        images = self.looks[look]
        counts = {"lost": lost, "gained": gained, "images": images, "mean": self.threshold}
        bound = low_bounds(self.looks[: look + 1], self.threshold, LOST_SHARE * self._error)[look]
        few = lost <= bound
        won = log_capital(**counts, below=True) >= -math.log((1.0 - LOST_SHARE) * self._error)  # type: ignore[arg-type]
        failed = log_capital(**counts, below=False) >= -math.log(self._error)  # type: ignore[arg-type]
        return few, won, failed

    def expected(self, images: int, lost: float, gained: float) -> bool:
        """Tell whether so many images would settle it if images were lost and gained at these rates, 0..1.

        A rough guide: of the error rate on lost images one half is taken as spent by then, if any was lost.
        """
        counts = np.array(round(lost * images)), np.array(round(gained * images))
        mean = self.threshold
        return bool(
            binom.cdf(counts[0], images, mean) <= LOST_SHARE * self._error / (1.0 if lost == 0.0 else 2.0)
            or log_capital(lost=counts[0], gained=counts[1], images=images, mean=mean, below=True)
            >= -math.log((1.0 - LOST_SHARE) * self._error)
            or log_capital(lost=counts[0], gained=counts[1], images=images, mean=mean, below=False)
            >= -math.log(self._error)
        )


def settle_accuracy(
    *, lost: Flags, gained: Flags, looks: Sequence[int], threshold: float, confidence: float
) -> Settled:
    """Look at paired answers as they came, and stop where PASS or FAIL is certain.

    Args:
        lost: bool [n], images that only the reference has right.
        gained: bool [n], images that only the device has right.
        looks: after how many images the cell was looked at, rising, the last at most n.
        threshold: the drop that is allowed, as a fraction of one.
        confidence: of each of the two statements, 0.5..1.

    Raises:
        ValueError: no look, or one beyond the images.
    """
    schedule = _schedule(looks, len(lost))
    test = AccuracyTest(threshold, schedule, confidence)
    for index, images in enumerate(schedule):
        counts = np.count_nonzero(lost[:images]), np.count_nonzero(gained[:images])
        few, won, failed = test.at(index, np.array(counts[0]), np.array(counts[1]))
        if failed:
            return Settled(Verdict.FAIL, "betting on lost against gained images", images)
        if few:
            return Settled(Verdict.PASS, "exact bounds on lost images", images)
        if won:
            return Settled(Verdict.PASS, "betting on lost against gained images", images)
    seen = schedule[-1]
    rates = np.count_nonzero(lost[:seen]) / seen, np.count_nonzero(gained[:seen]) / seen
    needed = _needed(lambda images: test.expected(images, *rates), schedule)
    return Settled(Verdict.INCONCLUSIVE, "exact bounds on lost images, and betting", seen, needed)


def settle_agreement(*, agrees: Flags, looks: Sequence[int], threshold: float, confidence: float) -> Settled:
    """Like `settle_accuracy`, for bool [n] of images that agree, and the share 0..1 that must.

    Raises:
        ValueError: no look, or one beyond the images.
    """
    schedule = _schedule(looks, len(agrees))
    error, allowed = 1.0 - confidence, 1.0 - threshold
    low, high = low_bounds(schedule, allowed, error), high_bounds(schedule, allowed, error)
    for index, images in enumerate(schedule):
        differing = images - int(np.count_nonzero(agrees[:images]))
        if differing >= high[index]:
            return Settled(Verdict.FAIL, "exact bounds on images that differ", images)
        if differing <= low[index]:
            return Settled(Verdict.PASS, "exact bounds on images that differ", images)
    seen = schedule[-1]
    rate = 1.0 - np.count_nonzero(agrees[:seen]) / seen

    def settles(images: int) -> bool:
        differing = round(rate * images)
        tails = binom.cdf(differing, images, allowed), binom.sf(differing - 1, images, allowed)
        return bool(min(tails) <= error / 2.0)

    return Settled(Verdict.INCONCLUSIVE, "exact bounds on images that differ", seen, _needed(settles, schedule))


def _schedule(looks: Sequence[int], images: int) -> tuple[int, ...]:
    if not looks or looks[-1] > images:
        raise ValueError(f"looks {tuple(looks)} at {images} images")
    return tuple(looks)


def _needed(settles: Callable[[int], bool], schedule: tuple[int, ...]) -> int | None:
    """Return the first multiple of a batch that settles it, in steps that grow with the number."""
    step = schedule[0]
    images = step * (schedule[-1] // step + 1)
    while images <= MAX_IMAGES:
        if settles(images):
            return images
        images += step * max(1, images // (20 * step))
    return None
