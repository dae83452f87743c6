"""Folders that nobody else may write to. Set-up needs this too, so: the standard library only."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

CLOSED = 0o022
"""Rights that nobody but the owner shall have on what the farm makes: those to write."""


def close_umask() -> None:
    """Let nothing that this process and its children make be written by others, whatever the login's umask."""
    os.umask(os.umask(CLOSED) | CLOSED)


def who_else_writes(folder: Path) -> str | None:
    """Say who else could change what is in a folder or the folders in it; None for nobody, or no such folder.

    Raises:
        OSError: it cannot be read.
    """
    return next(_others(folder), None) if folder.exists() else None


def _others(folder: Path) -> Iterator[str]:
    for each in (folder, *(entry for entry in folder.iterdir() if entry.is_dir())):
        found = each.stat()
        if found.st_uid != os.geteuid():
            yield f"{each} belongs to somebody else"
        elif found.st_mode & CLOSED:
            yield f"others may write to {each} (mode {stat.S_IMODE(found.st_mode):04o})"
