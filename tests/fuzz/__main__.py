"""`python -m tests.fuzz [CASES]`: that many cases (a million) over all targets, on all cores."""

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tabulate import tabulate

from tests.fuzz.run import FoundError, fuzz
from tests.fuzz.targets import TARGETS

CASES = 1_000_000
_PARTS = 4


def main(arguments: Sequence[str]) -> int:
    """Fuzz; return 1 if a reader did anything but return or refuse."""
    cases = int(arguments[0]) if arguments else CASES
    began = time.monotonic()
    jobs = [(number, part) for part in range(_PARTS) for number in range(len(TARGETS))]
    tallies = {target.name: [0, 0] for target in TARGETS}
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, fed, taken, found in pool.map(_one, jobs, [cases] * len(jobs)):
            if found:
                sys.stdout.write(f"{found}\n")
                return 1
            tallies[name][0] += fed
            tallies[name][1] += taken
    rows = [[name, f"{fed:,}", f"{taken:,}"] for name, (fed, taken) in tallies.items()]
    total = sum(fed for fed, _ in tallies.values())
    rows.append(["all", f"{total:,}", ""])
    sys.stdout.write(
        tabulate(rows, ["reader", "cases", "taken"], tablefmt="pipe", colalign=("left", "right", "right"))
    )
    sys.stdout.write(f"\n{time.monotonic() - began:.0f} s; nothing but values and clean errors\n")
    return 0


def _one(job: tuple[int, int], cases: int) -> tuple[str, int, int, str]:
    number, part = job
    target = TARGETS[number]
    try:
        tally = fuzz(target, int(cases * target.share / _PARTS) + 1, start=part)
    except FoundError as error:
        return target.name, 0, 0, str(error)
    return target.name, tally.cases, tally.taken, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
