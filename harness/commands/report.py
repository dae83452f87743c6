"""`farm report`: from stored evidence to judged results and their files."""

from pathlib import Path

from rich.console import Console

from harness.dispatch.stored import replay, stored_run
from harness.judge.exit_code import exit_code
from harness.judge.run import judge
from harness.report.terminal import show
from harness.report.write import write_reports
from harness.results import RunResults


def publish(folder: Path, console: Console) -> RunResults:
    """Judge a run's evidence, write its reports and show the matrix.

    Raises:
        FarmError: evidence-missing, the folder holds no readable run.
    """
    results = judge(stored_run(folder))
    write_reports(results, folder)
    show(results, console)
    return results


def report_command(folder: Path, console: Console) -> int:
    """Publish again and return the exit code that the run would have without a gate."""
    results = publish(folder, console)
    snapshot = replay(folder).snapshot
    return exit_code(results, gate=False, known=snapshot.known_failures if snapshot else ())
