"""`farm run`: measure, judge, report."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from harness.commands.report import publish
from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.console.listeners import listening
from harness.console.words import size
from harness.dispatch.run import Coordinator, Request
from harness.dispatch.stored import replay
from harness.judge.exit_code import exit_code

INTERRUPTED = 130


def run_command(
    inventory: Path, experiment: Path, out: Path, *, resume: bool, gate: bool, ray_address: str | None
) -> int:
    """Run the experiment and return the exit code of the contract.

    Raises:
        InputError: the user's input or machine is wrong; nothing was run.
        FarmError: nothing could be judged.
    """
    console = Console()
    request = Request(load_inventory(inventory), load_experiment(experiment), out, resume, ray_address)
    with _terminate_as_interrupt(), listening(console) as listener:
        outcome = Coordinator(request, listener).run()
    results = outcome.results
    publish(results, out, console)
    found = replay(out)
    counts = found.counts
    console.print(
        f"{counts.get('cells_measured', 0)} cells measured in {results.wall_s:.0f} s; "
        f"{size(counts.get('bytes_sent', 0))} sent to devices; {counts.get('variants_converted', 0)} variants "
        f"converted, {counts.get('variants_cached', 0)} from the cache.",
        highlight=False,
    )
    console.print(f"Report: {out / 'report.md'}", highlight=False, soft_wrap=True)
    if outcome.interrupted:
        console.print("Interrupted; what was measured is kept. Continue with the same command and --resume.")
        return INTERRUPTED
    return exit_code(results, gate, found.snapshot.known_failures if found.snapshot else ())


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
