"""`farm run`: measure, judge, report."""

import contextlib
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from harness.commands.report import publish
from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.console.listeners import listening
from harness.console.words import size
from harness.dispatch.ledger import Listener
from harness.dispatch.run import Coordinator, Request
from harness.dispatch.stored import replay
from harness.judge.exit_code import exit_code
from harness.results import RunResults

INTERRUPTED = 130


def run_command(
    inventory: Path | None, experiment: Path, out: Path, *, resume: bool, gate: bool, ray_address: str | None
) -> int:
    """Run the experiment and return the exit code of the contract; no inventory means the default fleet.

    Raises:
        InputError: the user's input or machine is wrong; nothing was run.
        FarmError: nothing could be judged.
    """
    console = Console()
    asked = load_experiment(experiment)
    with _terminate_as_interrupt(), listening(console) as listener, _fleet(inventory, listener) as devices:
        request = Request(load_inventory(devices), asked, out, resume, ray_address)
        outcome = Coordinator(request, listener).run()
    publish(outcome.results, out, console)
    found = replay(out)
    console.print(_effort(outcome.results, found.counts), highlight=False, soft_wrap=True)
    console.print(f"Report: {out / 'report.md'}", highlight=False, soft_wrap=True)
    if outcome.interrupted:
        again = shlex.join([*sys.argv, *([] if resume else ["--resume"])])
        console.print(
            f"Interrupted; what was measured is kept. Continue with:\n  {again}", markup=False, soft_wrap=True
        )
        return INTERRUPTED
    return exit_code(outcome.results, gate)


@contextlib.contextmanager
def _fleet(inventory: Path | None, listener: Listener) -> Iterator[Path]:
    if inventory is not None:
        yield inventory
        return
    from harness.emulator.session import default_fleet

    with default_fleet(listener.stage) as made:
        yield made


def _effort(results: RunResults, counts: dict[str, int]) -> str:
    return (
        f"{counts.get('cells_measured', 0)} cells measured in {results.wall_s:.0f} s; "
        f"{size(counts.get('bytes_sent', 0))} sent to devices; {counts.get('variants_converted', 0)} variants "
        f"converted, {counts.get('variants_cached', 0)} from the cache."
    )


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    # `kill` and a CI job's time limit should keep what was measured, as Ctrl-C does.
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
