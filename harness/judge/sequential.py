"""PASS and FAIL as one-sided statements that hold however often the growing evidence is looked at.

On the same images the reference and the device are right or wrong together, or an image is lost (only the
reference is right) or gained (only the device is). The drop in accuracy is P(lost) - P(gained). PASS says that it
is at most the threshold, FAIL that it is more. Each is wrong with a probability of at most 1 - confidence, over all
looks together and whatever the rates are:

- PASS by the images lost alone: the drop is at most P(lost), on which `ladder` gives exact bounds. It gets
  `COUNT_SHARE` of the error rate. Where nothing is lost at all, no test needs fewer images but for that share.
- PASS by betting on lost against gained, for variants that change many answers both ways, and for those that lose
  some: bounds on a count spend nearly all of their error rate early, bets are never spent. It gets the rest; the
  two rates add up at most (union bound).
- FAIL by betting the other way, with the whole of its own rate: no count of lost images shows a drop where others may
  be gained.

Without labels an image agrees or does not: one that does not counts as lost, and none is gained. Then FAIL is shown
by exact bounds and bets as PASS is. `inversion` gives the intervals that belong to these tests.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from harness.judge.betting import Counts, log_capital
from harness.judge.ladder import low_bounds
from harness.results import Verdict

COUNT_SHARE = 0.8
"""Part of the error rate that is given to the count of lost images, where that can show the statement."""

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


class Shown(NamedTuple):
    """Where counts show a statement: PASS by the count of lost images, by bets; FAIL by the count, by bets."""

    few: Flags
    won: Flags
    many: Flags
    paid: Flags

    @property
    def passed(self) -> Flags:
        """Where they show PASS."""
        return self.few | self.won

    @property
    def failed(self) -> Flags:
        """Where they show FAIL."""
        return self.many | self.paid


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The tests on lost and gained images at a schedule of looks.

    Attributes:
        threshold: the drop that is allowed, 0..1.
        looks: numbers of images, rising.
        confidence: of each statement, 0..1.
        gains: whether images can be gained.
    """

    threshold: float
    looks: tuple[int, ...]
    confidence: float
    gains: bool = True

    def at(self, look: int, lost: Counts, gained: Counts) -> Shown:
        """Tell at the look with index `look` where the counts show something."""
        images, by_count = self.looks[look], count_error(self.confidence)
        few = lost <= low_bounds(self.looks, self.threshold, by_count)[look]
        many = np.zeros_like(few)
        if not self.gains:
            # Many that are lost are few that are not.
            many = images - lost <= low_bounds(self.looks, 1.0 - self.threshold, by_count)[look]
        won, paid = (self.bets(lost, gained, images, self.threshold, below=below) for below in (True, False))
        return Shown(few, won, many, paid)

    def bets(self, lost: Counts, gained: Counts, images: int, drop: float, *, below: bool) -> Flags:
        """Tell where the bets on so many images refute that the drop is at least `drop` (`below`), or at most that.

        They have what error rate the count of lost images leaves of the statement's.
        """
        error = 1.0 - self.confidence
        if below or not self.gains:
            error -= count_error(self.confidence)
        return log_capital(lost=lost, gained=gained, images=images, mean=drop, below=below) >= -math.log(error)

    def expected(self, images: int, lost: float, gained: float) -> bool:
        """Tell whether so many images would settle it if images were lost and gained at these rates, 0..1.

        A rough guide: of the error rate on lost images one half is taken as spent by then, if any was lost.
        """
        counts = np.array(round(lost * images)), np.array(round(gained * images))
        left = count_error(self.confidence) / (1.0 if lost == 0.0 else 2.0)
        return bool(
            binom.cdf(counts[0], images, self.threshold) <= left
            or (not self.gains and binom.sf(counts[0] - 1, images, self.threshold) <= left)
            or any(self.bets(*counts, images, self.threshold, below=below) for below in (True, False))
        )


def count_error(confidence: float) -> float:
    """Return the error rate that a statement by the count of lost images may have."""
    return COUNT_SHARE * (1.0 - confidence)


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
    test = PairedTest(threshold, checked(looks, len(lost)), confidence)
    return _settled(test, lost, gained, "lost images", "lost against gained images")


def settle_agreement(*, agrees: Flags, looks: Sequence[int], threshold: float, confidence: float) -> Settled:
    """Like `settle_accuracy`, for bool [n] of images that agree, and the share 0..1 that must.

    Raises:
        ValueError: no look, or one beyond the images.
    """
    test = PairedTest(1.0 - threshold, checked(looks, len(agrees)), confidence, gains=False)
    return _settled(test, ~agrees, np.zeros_like(agrees), "images that differ", "images that differ")


def first_shown(test: PairedTest, lost: Flags, gained: Flags) -> tuple[int, Shown | None]:
    """Return the images at the first look that shows PASS or FAIL, and what it shows; at the last one None."""
    for index, images in enumerate(test.looks):
        counts = np.count_nonzero(lost[:images]), np.count_nonzero(gained[:images])
        shown = test.at(index, np.array(counts[0]), np.array(counts[1]))
        if shown.failed or shown.passed:
            return images, shown
    return test.looks[-1], None


def _settled(test: PairedTest, lost: Flags, gained: Flags, counted: str, bet_on: str) -> Settled:
    images, shown = first_shown(test, lost, gained)
    if shown is not None:
        verdict = Verdict.FAIL if shown.failed else Verdict.PASS
        by_count = bool(shown.many if shown.failed else shown.few)
        return Settled(verdict, f"exact bounds on {counted}" if by_count else f"betting on {bet_on}", images)
    seen = test.looks[-1]
    rates = np.count_nonzero(lost[:seen]) / seen, np.count_nonzero(gained[:seen]) / seen
    needed = _needed(lambda images: test.expected(images, *rates), test.looks)
    return Settled(Verdict.INCONCLUSIVE, f"exact bounds on {counted}, and betting", seen, needed)


def checked(looks: Sequence[int], images: int) -> tuple[int, ...]:
    """Return looks at so many images.

    Raises:
        ValueError: no look, or one beyond the images.
    """
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
