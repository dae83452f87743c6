"""The `farm` command. Thin: every command loads its inputs, calls one function and prints what it returns.

Imports stay inside the commands, so that `--help` and everything that needs no fleet start at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from harness import __version__
from harness.errors import FarmError, InputError, Problem, internal

if TYPE_CHECKING:
    from rich.console import Console

BAD_INPUT, INCOMPLETE, INTERRUPTED = 2, 3, 130

_YAML = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_inventory = click.option("-i", "--inventory", type=_YAML, required=True, help="YAML file that lists the devices.")
_experiment = click.option("-e", "--experiment", type=_YAML, required=True, help="YAML file: models, precisions.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="farm")
def farm() -> None:
    r"""Which hardware x precision combinations lose accuracy, why, and what to do.

    \b
    Try it without hardware:      make farm-run   (or: farm run --default-fleet …)
    Is my fleet reachable:        farm check -i inventory.yaml
    What would be measured:       farm plan -i inventory.yaml -e experiment.yaml
    Measure and report:           farm run -i inventory.yaml -e experiment.yaml -o reports/first

    \b
    Exit codes: 0 complete; 1 --gate and a cell fails; 2 wrong input, nothing was run;
    3 incomplete, some cell is an ERROR; 130 interrupted, continue with --resume.
    """


@farm.command()
@click.option("-i", "--inventory", type=_YAML, help="YAML file that lists the devices.")
@click.option("--default-fleet", is_flag=True, help="Instead of -i: four emulated boards, for the run only.")
@_experiment
@click.option("-o", "--out", type=_FOLDER, required=True, help="New or empty folder for report and evidence.")
@click.option("--resume", is_flag=True, help="Continue an interrupted or incomplete run in the same folder.")
@click.option("--gate", is_flag=True, help="Exit 1 if a cell fails that is not a known failure (for CI).")
@click.option("--ray-address", metavar="ADDRESS", help="Join a Ray cluster instead of starting Ray here.")
def run(
    *,
    inventory: Path | None,
    default_fleet: bool,
    experiment: Path,
    out: Path,
    resume: bool,
    gate: bool,
    ray_address: str | None,
) -> NoReturn:
    """Measure every cell of the experiment on the fleet, judge it, and write the report."""
    from harness.commands.run import run_command

    if (inventory is None) is not default_fleet:
        raise click.UsageError("Give either -i INVENTORY or --default-fleet.")
    sys.exit(run_command(inventory, experiment, out, resume=resume, gate=gate, ray_address=ray_address))


@farm.command()
@_inventory
@_experiment
def plan(inventory: Path, experiment: Path) -> None:
    """Show the cells that a run would measure; touches nothing."""
    from harness.commands.plan import plan_command

    plan_command(inventory, experiment, _console())


@farm.command()
@_inventory
@click.option("--engine", "engines", multiple=True, default=("3.6.1",), show_default=True, help="MNN version.")
def check(inventory: Path, engines: tuple[str, ...]) -> NoReturn:
    """Reach every device; say what is right, what is wrong, whose fault it is and what to do."""
    from harness.commands.check import check_command

    sys.exit(check_command(inventory, engines, _console()))


@farm.command()
@click.argument("folder", type=_FOLDER)
def report(folder: Path) -> NoReturn:
    """Judge a run's stored evidence again and write its reports again; needs no device."""
    from harness.commands.report import report_command

    sys.exit(report_command(folder, _console()))


@farm.group()
def boards() -> None:
    """Emulated ARM boards on this machine: real OpenSSH servers, real aarch64 kernels."""


@boards.command("up")
@click.option("--cpu", "cpus", multiple=True, metavar="NAME", help="CPU of one board; repeat it for more.")
@click.option("--inventory", type=_YAML, help="Write an inventory that reaches the boards to this file.")
def boards_up(cpus: tuple[str, ...], inventory: Path | None) -> None:
    """Start one board for each --cpu and wait until they answer; they run until `farm boards down`.

    CPUs: cortex-a53, cortex-a72, cortex-a76, neoverse-n1, a64fx, max. Without --cpu: the default fleet.
    """
    from harness.commands.boards import up_command

    up_command(cpus, inventory, _console())


@boards.command("down")
def boards_down() -> None:
    """Stop the boards that `farm boards up` started."""
    from harness.commands.boards import down_command

    down_command(_console())


@boards.command("status")
def boards_status() -> None:
    """List the boards and whether they run."""
    from harness.commands.boards import status_command

    status_command(_console())


def main() -> NoReturn:
    """Run the command line; turn failures into messages and exit codes, never into tracebacks."""
    try:
        farm.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted.", err=True)
        sys.exit(INTERRUPTED)
    except InputError as error:
        _complain(error.problem)
        sys.exit(BAD_INPUT)
    except FarmError as error:
        _complain(error.problem)
        sys.exit(INCOMPLETE)
    except Exception as error:  # noqa: BLE001 - the program's edge: 1 would mean that a gate was broken
        _complain(internal(error))
        sys.exit(INCOMPLETE)
    sys.exit(0)


def _complain(problem: Problem) -> None:
    click.echo(f"farm: {problem.code} ({problem.blame}): {problem.message}", err=True)
    click.echo(f"What to do: {problem.what_to_do}", err=True)


def _console() -> "Console":
    from rich.console import Console

    return Console()
