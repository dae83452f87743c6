"""journal.jsonl: what happened, in order, on disk as it happens."""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from harness.dispatch.events import JOURNAL_LINE, JournalEvent
from harness.errors import Code, FarmError

NAME = "journal.jsonl"


class Journal:
    """Appends events to a run's journal, each on disk before the next begins."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        _drop_torn_line(path)
        self._file = path.open("ab")

    def write(self, event: JournalEvent) -> None:
        """Append one event."""
        self._file.write(JOURNAL_LINE.dump_json(event) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_journal(folder: Path) -> Iterator[JournalEvent]:
    """Yield a run's events in order; a last line that a kill tore is left out.

    Raises:
        FarmError: evidence-missing, there is no journal or a line within it is damaged.
    """
    path = folder / NAME
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise FarmError(
            Code.EVIDENCE_MISSING, f"{folder} holds no run: {error}.", "Name the folder of a run (-o of `farm run`)."
        ) from error
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield JOURNAL_LINE.validate_json(line)
        except ValidationError as error:
            raise FarmError(Code.EVIDENCE_MISSING, f"{path} line {number} is damaged: {error}") from error


def _drop_torn_line(path: Path) -> None:
    # What follows the last newline was being written when the run was killed; a line appended to it
    # would be lost too.
    if not path.is_file():
        return
    data = path.read_bytes()
    keep = data.rfind(b"\n") + 1
    if keep != len(data):
        os.truncate(path, keep)
