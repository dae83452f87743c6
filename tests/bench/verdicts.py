"""How often a verdict is wrong, and how many images it takes: simulated cells, judged by the judge's own tests.

Run by `make bench`. Each row simulates `CELLS` cells whose images are lost and gained (or differ) at given rates,
looks at each after every batch, and counts verdicts. A verdict that the truth contradicts is wrong; exactly at the
threshold either is, and the more frequent one is shown. The row breaks its promise if the 99 % lower bound (Clopper
and Pearson) of the rate of wrong verdicts lies above 1 - confidence; the program ends with 1 then.

Images are compared with the test that one would plan who may look once (`tests.bench.fixed_size`): how many images
that takes to decide as many cells rightly, and how many cells it decides at the last look. Where less than `FEWEST`
of the cells are decided rightly there is nothing to compare.
"""

import sys
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binomtest
from tabulate import tabulate

from tests.bench.fixed_size import planned
from tests.bench.rows import CONFIDENCE, FAIL, OPEN, PASS, Codes, Counts, Row, rows

CELLS: Final = 20_000
SEED: Final = 20_261_123
FEWEST: Final = 0.2

HEADINGS: Final = [
    "judged by", "allowed", "true", "gained", "batch", "images", "PASS %", "FAIL %", "open %", "wrong %",
    "99 % lower", "mean images", "fixed size", "of fixed", "fixed decides %",
]  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """What a row came to.

    Attributes:
        verdicts: of each cell.
        images: after how many each fell, or were looked at.
        plan: images at which the test that looks once decides as many rightly; None where there is no such number.
        once: share of cells (0..1) that it decides at the last look.
    """

    row: Row
    verdicts: Codes
    images: Counts
    plan: int | None
    once: float

    @property
    def wrong(self) -> int:
        """How many verdicts are wrong; at the threshold, the more frequent one."""
        counts = [int(np.count_nonzero(self.verdicts == verdict)) for verdict in (PASS, FAIL)]
        return max(counts) if self.row.right is None else counts[1 if self.row.right == PASS else 0]

    @property
    def lower(self) -> float:
        """The one-sided 99 % lower bound of the rate of wrong verdicts."""
        found = binomtest(self.wrong, len(self.verdicts), alternative="greater")
        return float(found.proportion_ci(0.99, method="exact").low)

    @property
    def kept(self) -> bool:
        """Whether the rate is not shown to be above the one stated."""
        return self.lower <= 1.0 - CONFIDENCE

    def line(self) -> list[str]:
        """Return the row of the table."""
        row, mean = self.row, float(self.images.mean())
        return [
            row.kind, f"{100 * row.threshold:g}", f"{100 * row.true:g}", f"{100 * row.gained:g}",
            str(row.batch), str(row.images),
            *(f"{100 * np.mean(self.verdicts == verdict):.2f}" for verdict in (PASS, FAIL, OPEN)),
            f"{100 * self.wrong / len(self.verdicts):.2f}", f"{100 * self.lower:.2f}", f"{mean:.0f}",
            str(self.plan or ""), f"{mean / self.plan:.2f}" if self.plan else "", f"{100 * self.once:.1f}",
        ]  # fmt: skip


def measured(row: Row, random: np.random.Generator, cells: int = CELLS) -> Rates:
    """Simulate a row."""
    verdicts, images = _simulated(row, random, cells)
    once = row.once(row.images, row.drawn(row.images, cells, random))
    share = 0.0 if row.right is None else float(np.mean(verdicts == row.right))

    def decides(size: int) -> float:
        return float(np.mean(row.once(size, row.drawn(size, cells, random)) == row.right))

    plan = planned(decides, share) if share >= FEWEST else None
    return Rates(row, verdicts, images, plan, float(np.mean(once != OPEN)))


def _simulated(row: Row, random: np.random.Generator, cells: int) -> tuple[Codes, Counts]:
    """Return the verdict of each cell, and after how many images it fell."""
    counts = np.zeros((cells, 2), np.int64)
    verdicts, images = np.zeros(cells, np.int8), np.full(cells, row.images, np.int64)
    before = 0
    for index, look in enumerate(row.looks):
        counts += row.drawn(look - before, cells, random)
        found = row.at(index, counts)
        new = (verdicts == OPEN) & (found != OPEN)
        verdicts[new], images[new] = found[new], look
        before = look
    return verdicts, images


def summary(found: list[Rates]) -> str:
    """Return what to know of all rows: the largest rates of wrong verdicts, the images against the fixed size."""
    lines = []
    for kind in ("accuracy", "agreement"):
        worst = max((one for one in found if one.row.kind == kind), key=lambda one: one.wrong)
        rate, many = 100 * worst.wrong / len(worst.verdicts), [one for one in found if one.row.kind == kind]
        ratios = [float(one.images.mean()) / one.plan for one in many if one.plan]
        lines.append(
            f"{kind}: {len(many)} rows; largest rate of wrong verdicts {rate:.2f} % (99 % lower bound "
            f"{100 * worst.lower:.2f} %); images against the fixed size {min(ratios):.2f} to {max(ratios):.2f}, "
            f"median {np.median(ratios):.2f}"
        )
    return "\n".join(lines)


def main() -> int:
    """Simulate, print, and return the exit code."""
    random = np.random.default_rng(SEED)
    found = [measured(row, random) for row in rows()]
    table = tabulate([one.line() for one in found], HEADINGS, tablefmt="github", disable_numparse=True)
    broken = sum(not one.kept for one in found)
    stated = f"{100 * (1 - CONFIDENCE):.0f} %"
    sys.stdout.write(f"{table}\n\n{CELLS} cells a row, {len(found)} rows.\n{summary(found)}\n")
    sys.stdout.write(f"Rows whose rate of wrong verdicts is shown to be above {stated}: {broken}.\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
