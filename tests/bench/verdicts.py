"""How often a verdict is wrong, and how many images it takes: simulated cells, judged by the judge's own tests.

Run by `make bench`. Each row simulates `CELLS` cells whose images are lost and gained at given rates, looks at
each after every batch, and counts verdicts. A verdict that the true drop contradicts is wrong. The row breaks its
promise if the 99 % lower bound (Clopper and Pearson) of the rate of wrong verdicts lies above 1 - confidence; the
program ends with 1 then. Images are compared with a test of the same statements that looks once, at the end.
"""

import sys
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from harness.judge.intervals import clopper_pearson
from harness.judge.sequential import AccuracyTest

CELLS = 20_000
CONFIDENCE = 0.95
SEED = 20_261_123

Codes = NDArray[np.int8]
OPEN, PASS, FAIL = 0, 1, 2


@dataclass(frozen=True)
class Row:
    """A kind of cell: what is allowed, what is true, and when it is looked at. Rates are fractions of one."""

    threshold: float
    drop: float
    gained: float
    batch: int
    images: int

    @property
    def looks(self) -> tuple[int, ...]:
        return tuple(range(self.batch, self.images + 1, self.batch))

    @property
    def wrong(self) -> int:
        """The verdict that would be wrong; exactly at the threshold both are counted, the worse one is shown."""
        return FAIL if self.drop <= self.threshold else PASS


def simulated(row: Row, looks: tuple[int, ...], random: np.random.Generator) -> tuple[Codes, NDArray[np.int64]]:
    """Return the verdict of each cell, and after how many images it fell."""
    test = AccuracyTest(row.threshold, looks, CONFIDENCE)
    lost, gained = np.zeros(CELLS, np.int64), np.zeros(CELLS, np.int64)
    verdicts, images = np.zeros(CELLS, np.int8), np.full(CELLS, looks[-1], np.int64)
    before = 0
    for index, look in enumerate(looks):
        rates = [row.drop + row.gained, row.gained, 1.0 - row.drop - 2.0 * row.gained]
        more = random.multinomial(look - before, rates, size=CELLS)
        lost += more[:, 0]
        gained += more[:, 1]
        few, won, failed = test.at(index, lost, gained)
        found = np.where(failed, FAIL, np.where(few | won, PASS, OPEN)).astype(np.int8)
        new = (verdicts == OPEN) & (found != OPEN)
        verdicts[new], images[new] = found[new], look
        before = look
    return verdicts, images


def rates(row: Row, random: np.random.Generator) -> tuple[list[object], bool]:
    """Return a row of the table, and whether the promise was kept."""
    verdicts, images = simulated(row, row.looks, random)
    once, _ = simulated(row, row.looks[-1:], random)
    both = [PASS, FAIL] if row.drop == row.threshold else [row.wrong]
    wrong = max(int(np.count_nonzero(verdicts == verdict)) for verdict in both)
    # Two-sided at 98 %: its lower end is the one-sided bound at 99 %.
    lower, _ = clopper_pearson(successes=wrong, trials=CELLS, confidence=0.98)
    shown = [
        f"{100 * row.threshold:g}", f"{100 * row.drop:g}", f"{100 * (row.drop + 2 * row.gained):g}",
        row.batch, row.images,
        *(f"{100 * np.mean(verdicts == verdict):.2f}" for verdict in (PASS, FAIL, OPEN)),
        f"{100 * wrong / CELLS:.2f}", f"{100 * lower:.2f}", f"{images.mean():.0f}",
        f"{images.mean() / row.looks[-1]:.2f}", f"{100 * np.mean(once != OPEN):.1f}",
    ]  # fmt: skip
    return shown, lower <= 1.0 - CONFIDENCE


HEADINGS = ["allowed", "true drop", "discordant", "batch", "images", "PASS %", "FAIL %", "open %", "wrong %",
            "99 % lower", "mean images", "of fixed", "fixed decides %"]  # fmt: skip


def rows() -> list[Row]:
    """At the threshold, just below and above it, far from it; with few and with many flips both ways."""
    found = []
    for threshold, (batch, images) in product((0.02, 0.05), ((32, 192), (25, 1000))):
        for drop in (0.0, threshold - 0.005, threshold, threshold + 0.005, 2.0 * threshold, 0.2):
            found += [Row(threshold, drop, gained, batch, images) for gained in (0.0, 0.01, 0.1)]
    return found


def main() -> int:
    """Simulate, print, and return the exit code."""
    random = np.random.default_rng(SEED)
    results = [rates(row, random) for row in rows()]
    table = tabulate([shown for shown, _ in results], HEADINGS, tablefmt="github", disable_numparse=True)
    broken = sum(not kept for _, kept in results)
    stated = f"{100 * (1 - CONFIDENCE):.0f} %"
    sys.stdout.write(f"{table}\n\n{CELLS} cells a row, {len(results)} rows. ")
    sys.stdout.write(f"Rows whose rate of wrong verdicts is shown to be above {stated}: {broken}.\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
