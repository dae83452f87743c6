"""Planted causes at several positions, by the command line on an emulated board: what is named, what repairs it.

Run by `make bench`; what is told of each stands in `tests.diagnose.treated_plants`. The program ends with 1 if
anything is not found. ARGS="1 2" chooses positions.
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from tabulate import tabulate

from tests.boards import running_fleet
from tests.diagnose.planted import Cause
from tests.diagnose.treated_plants import BOARD, Found, Plant, measured

POSITIONS: Final = (0, 3)
"""Those that no test has."""


def row(found: Found) -> list[str]:
    """Return the row of the table."""
    plant = found.plant
    repair = "none" if found.repair is None else f"{found.repair.title} ({found.repair.relative_l2:.2g})"
    plan = "none" if found.plan is None else f"{100 * found.exact_share:.0f} % ({found.plan.relative_l2:.2g})"
    return [
        plant.cause, str(plant.position), plant.key.precision,
        "yes" if found.named else "no", "yes" if found.foretold else "no", f"{found.error:.2g}",
        repair, plan if found.mixes else "no fp16",
    ]  # fmt: skip


def _tell(found: Found) -> None:
    sys.stderr.write(f"{found.plant.model}: {'found' if found.whole else 'NOT found'}\n")


def main(arguments: list[str]) -> int:
    """Measure, print, and return the exit code."""
    positions = [int(word) for word in arguments] or list(POSITIONS)
    plants = [Plant(cause, position) for position in positions for cause in Cause]
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        kept = os.environ.get("FARM_BENCH_OUT")  # a run that is to be looked into afterwards
        fleet = stack.enter_context(running_fleet(folder / "fleet", (BOARD,)))
        found = measured(plants, folder, Path(kept) if kept else folder / "run", fleet.inventory, tell=_tell)
    headings = ["cause", "block", "precision", "named", "foretold", "error", "repaired by (error)", "fp32 (error)"]
    sys.stdout.write(tabulate([row(one) for one in found], headings, tablefmt="github") + "\n\n")
    sys.stdout.write(f"Planted causes found in every respect: {sum(one.whole for one in found)} of {len(found)}.\n")
    return 0 if all(one.whole for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
