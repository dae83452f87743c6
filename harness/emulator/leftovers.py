"""Folders that a killed proot leaves in the host's /tmp: older versions look at no variable for another place."""

import shutil
from collections.abc import Iterable
from pathlib import Path

_TMP = Path("/tmp")  # noqa: S108 (proot's choice, not ours)


def remove_leftovers(pids: Iterable[int], tmp: Path = _TMP) -> None:
    """Remove the folders of those processes that were proots and have ended."""
    for pid in pids:
        # Named after the process and six letters; empty but for places to bind things to.
        for folder in tmp.glob(f"proot-{pid}-??????"):
            shutil.rmtree(folder, ignore_errors=True)
