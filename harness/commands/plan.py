"""`farm plan`: the cells that would run."""

from pathlib import Path

from rich.console import Console
from tabulate import tabulate

from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.plan import describe, plan


def plan_command(inventory: Path, experiment: Path, console: Console) -> None:
    """Print the plan.

    Raises:
        InputError: bad-inventory or bad-experiment.
    """
    summary = describe(plan(load_inventory(inventory), load_experiment(experiment)))
    for table in summary.tables:
        rows = [[device, *(count or "" for count in counts)] for device, counts in table.rows]
        console.print(f"\n{table.model} (cells, MNN {', '.join(summary.engines)})", markup=False, highlight=False)
        console.print(
            tabulate(rows, headers=["device", *table.precisions], tablefmt="simple"),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    devices = len(summary.cells_by_device)
    console.print(f"\n{summary.cells} cells on {devices} devices. Nothing was touched.", highlight=False)
