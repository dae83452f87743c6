"""`farm report`: from stored evidence to judged results and their files."""

from pathlib import Path

from rich.console import Console

from harness.dispatch.journal import NAME as JOURNAL
from harness.dispatch.stored import stored_run
from harness.errors import Code, InputError
from harness.judge.exit_code import exit_code
from harness.judge.run import judge
from harness.report.terminal import show
from harness.report.write import write_reports
from harness.results import RunResults


def publish(results: RunResults, folder: Path, console: Console) -> None:
    """Write a judged run's reports and show the matrix."""
    write_reports(results, folder)
    show(results, console)


def report_command(folder: Path, console: Console) -> int:
    """Judge and publish again; return the exit code that the run would have without a gate.

    Raises:
        InputError: the folder holds no run.
        FarmError: evidence-missing, its journal is damaged.
    """
    if not (folder / JOURNAL).is_file():
        raise InputError(Code.BAD_OUTPUT_FOLDER, f"{folder} holds no run.", "Name the -o folder of a `farm run`.")
    results = judge(stored_run(folder))
    publish(results, folder, console)
    return exit_code(results, gate=False)
