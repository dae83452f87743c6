"""`farm diff`: what changed between two stored runs."""

from pathlib import Path

from rich.console import Console

from harness.commands.page import publish_page
from harness.commands.stored import open_run
from harness.errors import Code, InputError
from harness.judge.diff import diff
from harness.judge.run import judge
from harness.report.diff import render

OK, WORSE = 0, 1


def diff_command(before: Path, after: Path, out: Path | None, console: Console) -> int:
    """Judge both runs, each by its own thresholds, print what changed, return 1 if anything did for the worse.

    Raises:
        InputError: a folder holds no run, the runs have no cell in common, or `out` cannot be written.
        FarmError: evidence-missing, a journal is damaged.
    """
    found = diff(judge(open_run(before)), judge(open_run(after)))
    if not found.compared:
        raise InputError(
            Code.BAD_OUTPUT_FOLDER,
            f"{before} and {after} have no cell in common.",
            "Compare runs that share devices, models and precisions (names count).",
        )
    publish_page(render(found), out, console)
    return WORSE if found.worse else OK
