"""Kinds of simulated cells: what is allowed, what is true, how it is looked at, and which tests decide it."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.judge.sequential import PairedTest
from tests.bench.fixed_size import binomial, tango

CONFIDENCE: Final = 0.95
OPEN, PASS, FAIL = 0, 1, 2

Codes = NDArray[np.int8]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """A kind of cell; rates are fractions of one.

    Attributes:
        kind: accuracy or agreement.
        threshold: the drop that is allowed, or the share of images that may differ.
        true: the drop, or the share that differs.
        gained: share of images that only the device has right; 0 for agreement.
        batch: images between two looks.
        images: at the last look.
    """

    kind: str
    threshold: float
    true: float
    gained: float
    batch: int
    images: int

    @property
    def looks(self) -> tuple[int, ...]:
        return tuple(range(self.batch, self.images + 1, self.batch))

    @property
    def right(self) -> int | None:
        """The verdict that would be right; None exactly at the threshold, where either is an error that counts."""
        if self.true == self.threshold:
            return None
        return PASS if self.true < self.threshold else FAIL

    def drawn(self, images: int, cells: int, random: np.random.Generator) -> Counts:
        """Draw [cells, 2]: how many of so many images are lost (or differ), and how many gained."""
        rates = [self.true + self.gained, self.gained, 1.0 - self.true - 2.0 * self.gained]
        return random.multinomial(images, rates, size=cells)[:, :2]

    def at(self, look: int, counts: Counts) -> Codes:
        """Return the verdicts of the judge's own tests at the look with this index, of counts [cells, 2]."""
        lost, gained = counts[:, 0], counts[:, 1]
        test = PairedTest(self.threshold, self.looks, CONFIDENCE, gains=self.kind == "accuracy")
        shown = test.at(look, lost, gained)
        return _codes(shown.passed, shown.failed)

    def once(self, images: int, counts: Counts) -> Codes:
        """Return the verdicts of the test of a fixed number of images that one would plan for such cells."""
        lost, gained = counts[:, 0], counts[:, 1]
        asked = {"images": images, "confidence": CONFIDENCE}
        if self.gained:
            return _codes(*tango(lost, gained, drop=self.threshold, **asked))  # type: ignore[arg-type]
        return _codes(*binomial(lost, rate=self.threshold, **asked))  # type: ignore[arg-type]


def rows() -> list[Row]:
    """At the threshold, just below and above it, far from it; with few and with many flips both ways."""
    found = []
    for batch, images in ((32, 192), (25, 1000)):
        for kind, allowed in (("accuracy", 0.02), ("accuracy", 0.05), ("agreement", 0.03), ("agreement", 0.1)):
            trues = (0.0, allowed - 0.005, allowed, allowed + 0.005, 2.0 * allowed, 0.25)
            gains = (0.0, 0.01, 0.1) if kind == "accuracy" else (0.0,)
            found += [Row(kind, allowed, true, gained, batch, images) for true, gained in product(trues, gains)]
    return found


def _codes(passed: NDArray[np.bool_], failed: NDArray[np.bool_]) -> Codes:
    return np.where(failed, FAIL, np.where(passed, PASS, OPEN)).astype(np.int8)
