"""The `farm` command. Thin: every command loads its inputs, calls one function and prints what it returns.

Imports stay inside the commands, so that `--help` and everything that needs no fleet start at once.
"""

import math
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from harness import __version__
from harness.cli_common import FOLDER, YAML, console
from harness.cli_diagnosis import explain, lint, remedy
from harness.errors import FarmError, InputError, Problem, internal
from harness.ours import close_umask

BAD_INPUT, INCOMPLETE, INTERRUPTED = 2, 3, 130

_gate = click.option(
    "--gate", is_flag=True, help="Exit 1 if a cell fails unexpectedly, or passes as it should not (CI)."
)
_inventory = click.option("-i", "--inventory", type=YAML, required=True, help="YAML file that lists the devices.")
_experiment = click.option("-e", "--experiment", type=YAML, required=True, help="YAML file: models, precisions.")


class _Between(click.FloatRange):
    """A number between two others, ends excluded; the same limits as those of the experiment file."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high, min_open=True, max_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):  # which is neither below nor above anything
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="farm")
def farm() -> None:
    """Which hardware x precision combinations lose accuracy, why, and what to do.

    \b
    Try it without hardware:      make farm-run   (or: farm run --default-fleet …)
    Is my fleet reachable:        farm check -i inventory.yaml
    Who uses it just now:         farm who -i inventory.yaml
    What would be measured:       farm plan -i inventory.yaml -e experiment.yaml
    Measure and report:           farm run -i inventory.yaml -e experiment.yaml -o reports/first
    Judge by other thresholds:    farm report reports/first --accuracy-drop-points 5
    Why does it lose accuracy:    farm explain reports/first --device D --model M --precision P
    What repairs it:              farm remedy reports/first
    What has changed since:       farm diff reports/first reports/second
    What will lose accuracy:      farm lint model.onnx --samples images   (needs no device)

    \b
    Exit codes: 0 complete; 1 --gate and a cell fails unexpectedly (or passes although it is
    known to fail), or diff and something is worse; 2 wrong input, nothing was run;
    3 incomplete, some cell is an ERROR; 130 interrupted, continue with --resume.
    """  # noqa: D301 - click looks for the character itself


@farm.command()
@click.option("-i", "--inventory", type=YAML, help="YAML file that lists the devices.")
@click.option("--default-fleet", is_flag=True, help="Instead of -i: four emulated boards, for the run only.")
@_experiment
@click.option("-o", "--out", type=FOLDER, required=True, help="New or empty folder for report and evidence.")
@click.option("--resume", is_flag=True, help="Continue an interrupted or incomplete run in the same folder.")
@_gate
@click.option(
    "--remedy", is_flag=True, help="Try at once what may repair the cells that fail, as `farm remedy` does."
)
@click.option("--ray-address", metavar="ADDRESS", help="Join a Ray cluster instead of starting Ray here.")
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.FloatRange(0, 7 * 86400),
    default=900,
    show_default=True,
    help="How long to wait for a device that another run holds; 0 skips it (ERROR device-busy).",
)
def run(
    *,
    inventory: Path | None,
    default_fleet: bool,
    experiment: Path,
    out: Path,
    wait_s: float,
    **options: Any,
) -> NoReturn:
    """Measure every cell of the experiment on the fleet, judge it, and write the report."""
    from harness.commands.run import run_command

    if (inventory is None) is not default_fleet:
        raise click.UsageError("Give either -i INVENTORY or --default-fleet.")
    sys.exit(run_command(inventory, experiment, out, wait_s=wait_s, **options))


@farm.command()
@_inventory
@_experiment
def plan(inventory: Path, experiment: Path) -> None:
    """Show the cells that a run would measure; touches nothing."""
    from harness.commands.plan import plan_command

    plan_command(inventory, experiment, console())


@farm.command()
@_inventory
@click.option("--engine", "engines", multiple=True, default=("3.6.1",), show_default=True, help="MNN version.")
def check(inventory: Path, engines: tuple[str, ...]) -> NoReturn:
    """Reach every device; say what is right, what is wrong, whose fault it is and what to do."""
    from harness.commands.check import check_command

    sys.exit(check_command(inventory, engines, console()))


@farm.command()
@_inventory
def who(inventory: Path) -> NoReturn:
    """Say who holds every device, since when and for which run; takes no lease.

    A device is held as long as a process of the holder's run is alive on it, and is free seconds after, however
    that run ended. Exit codes: 0 every device answered, 3 some did not.
    """
    from harness.commands.who import who_command

    sys.exit(who_command(inventory, console()))


@farm.command()
@click.argument("folder", type=FOLDER)
@click.option("--accuracy-drop-points", type=_Between(0, 100), help="With labels: largest loss of top-1, in points.")
@click.option(
    "--agreement",
    type=_Between(0, 1),
    help="Without labels: smallest share of images answered as the reference does.",
)
@click.option(
    "--relative-l2", type=_Between(0, 1), help="Largest median relative L2; told apart, decides no verdict."
)
@click.option("--cosine", type=_Between(0, 1), help="Smallest median cosine; told apart, decides no verdict.")
@click.option("--confidence", type=_Between(0.5, 1), help="How sure PASS and FAIL must be, each.")
@click.option("-o", "--out", type=FOLDER, help="Write the reports there instead of into FOLDER.")
@_gate
def report(*, folder: Path, out: Path | None, gate: bool, **limits: float | None) -> NoReturn:
    """Judge the stored evidence of a run again, and write its reports; needs no device.

    FOLDER is the -o folder of a `farm run`. Without options the reports are written there anew, with the same
    bytes as long as evidence and farm are the same. With other limits than the run's own nothing in FOLDER changes:
    the result is shown, and kept with --out.

    \b
    Would it pass at 5 points?    farm report reports/first --accuracy-drop-points 5
    Keep that view of it:         farm report reports/first --accuracy-drop-points 5 -o reports/first-5
    As a CI job would see it:     farm report reports/first --gate

    More images are never needed to judge again, but a cell that stopped as soon as its verdict was certain may have
    too few of them for a stricter limit; it is then INCONCLUSIVE.

    Exit codes are those of a run: 0, 1 (--gate), 2 wrong input, 3 incomplete.
    """  # noqa: D301 - click looks for the character itself
    from harness.commands.report import Limits, report_command

    sys.exit(report_command(folder, Limits(**limits), out, console(), gate=gate))


@farm.command()
@click.argument("before", metavar="A", type=FOLDER)
@click.argument("after", metavar="B", type=FOLDER)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the Markdown to a file too."
)
def diff(before: Path, after: Path, out: Path | None) -> NoReturn:
    """Say what changed from run A to run B, cell by cell, as Markdown.

    Both are -o folders of `farm run`. Their evidence is judged again, each run by its own thresholds. Told are cells
    that changed verdict, cause or what really ran, cells that only one run has, and timings that moved by more than
    noise (stable ones of the same device; emulated ones are told apart and are never worse).

    Worse is: a PASS that is none any more; a FAIL or an ERROR that is new (not a FAIL that B's known_failures names);
    under the same verdict, a precision that is no longer wholly in effect; a slower timing on hardware.
    Runs of one engine version each are compared across versions.

    \b
    Did the new engine break anything:   farm diff reports/mnn-3.6.1 reports/mnn-3.7.0
    In CI, against last night:           farm diff last-night tonight --out diff.md

    Exit codes: 0 nothing changed for the worse, 1 something did, 2 wrong input.
    """  # noqa: D301 - click looks for the character itself
    from harness.commands.diff import diff_command

    sys.exit(diff_command(before, after, out, console()))


farm.add_command(explain)
farm.add_command(lint)
farm.add_command(remedy)


@farm.group()
def boards() -> None:
    """Emulated ARM boards on this machine: real OpenSSH servers, real aarch64 kernels."""


@boards.command("up")
@click.option("--cpu", "cpus", multiple=True, metavar="NAME", help="CPU of one board; repeat it for more.")
@click.option("--phone", "phones", multiple=True, metavar="NAME", help="CPU of a phone; repeat it for more.")
@click.option("--inventory", type=YAML, help="Write an inventory that reaches the boards to this file.")
def boards_up(cpus: tuple[str, ...], phones: tuple[str, ...], inventory: Path | None) -> None:
    """Start one board for each --cpu and wait until they answer; they run until `farm boards down`.

    CPUs: cortex-a53, cortex-a72, cortex-a76, neoverse-n1, a64fx, max. Without --cpu and --phone: the default fleet.
    A phone is a board whose SSH sessions find no Python: it lives in a Debian behind proot-distro, as in Termux.
    """
    from harness.commands.boards import up_command

    up_command(cpus, phones, inventory, console())


@boards.command("down")
def boards_down() -> None:
    """Stop the boards that `farm boards up` started."""
    from harness.commands.boards import down_command

    down_command(console())


@boards.command("status")
def boards_status() -> None:
    """List the boards and whether they run."""
    from harness.commands.boards import status_command

    status_command(console())


def main() -> NoReturn:
    """Run the command line; turn failures into messages and exit codes, never into tracebacks."""
    close_umask()  # evidence and cache are the user's alone to change
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
