"""A run's folder: new or empty for a new run, the same question for a resumed one."""

from collections.abc import Iterable
from pathlib import Path

from harness.dispatch.arrays import FOLDER as ARRAYS
from harness.dispatch.journal import NAME
from harness.dispatch.snapshot import Snapshot
from harness.dispatch.stored import Replay, replay
from harness.errors import Code, InputError

PLANS = "plans"
"""Folder of plans of mixed precision, below a run's."""

_LONGEST_TORN = 64 << 20


def open_folder(folder: Path, *, resume: bool) -> Replay | None:
    """Make a run's folder, or read what a run that is to be resumed has left in it.

    Returns:
        What is there already; None for a new run.

    Raises:
        InputError: bad-output-folder, it holds something and we are not to resume, or nothing to resume.
    """
    if folder.is_dir():
        _drop_unbegun_journal(folder / NAME)
    if folder.is_dir() and (folder / NAME).is_file() and resume:
        return replay(folder)
    if resume and _holds_nothing_settled(folder):
        return None
    if folder.exists() and (not folder.is_dir() or not all(map(_is_of_a_look, folder.iterdir()))):
        raise InputError(
            Code.BAD_OUTPUT_FOLDER,
            f"{folder} is not empty." if folder.is_dir() else f"{folder} is not a folder.",
            "" if folder.is_dir() and (folder / NAME).is_file() else "Name a new or empty folder.",
        )
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(Code.BAD_OUTPUT_FOLDER, f"{folder} cannot be made: {error}.") from error
    return None


def _drop_unbegun_journal(journal: Path) -> None:
    """Remove a journal without a whole line: a run was killed, or the disk was full, before it said what it is."""
    if journal.is_file() and journal.stat().st_size < _LONGEST_TORN and b"\n" not in journal.read_bytes():
        journal.unlink()


def _holds_nothing_settled(folder: Path) -> bool:
    # A run that was killed while it was prepared has left arrays at most, or looks that go on by themselves.
    return folder.is_dir() and all(entry.name == ARRAYS or _is_of_a_look(entry) for entry in folder.iterdir())


def _is_of_a_look(entry: Path) -> bool:
    return entry.is_dir() and ((entry / NAME).is_file() or entry.name == PLANS)


def refuse_changes(before: Snapshot, now: dict[str, str]) -> None:
    """Refuse to resume a run whose question has changed.

    Raises:
        InputError: bad-output-folder, naming everything that differs.
    """
    changed = sorted(_changed(before.identity, now))
    if changed:
        raise InputError(
            Code.BAD_OUTPUT_FOLDER,
            f"This run was another one; changed since: {', '.join(changed)}.",
            "Undo the change, or start a new run in a new folder.",
        )


def _changed(before: dict[str, str], now: dict[str, str]) -> Iterable[str]:
    return (name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
