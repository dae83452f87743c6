"""Runs that are on disk, judged again."""

from pathlib import Path

from harness.dispatch.journal import NAME as JOURNAL
from harness.dispatch.stored import stored_run
from harness.errors import Code, InputError
from harness.judge.stored import StoredRun


def holds_run(folder: Path) -> bool:
    """Tell whether a folder is the `-o` folder of a run."""
    return (folder / JOURNAL).is_file()


def open_run(folder: Path) -> StoredRun:
    """Return a run's evidence.

    Raises:
        InputError: the folder holds no run.
        FarmError: evidence-missing, its journal is damaged.
    """
    if not holds_run(folder):
        raise InputError(Code.BAD_OUTPUT_FOLDER, f"{folder} holds no run.", "Name the -o folder of a `farm run`.")
    return stored_run(folder)
