"""What stands in the lease's file: who holds it. The file is read with suspicion: anybody may have written it."""

import json
import math
import os
import time
from typing import Any, Dict, Optional

_MAX_READ = 4096
_KEYS = ("run", "holder", "since", "pid", "device")


def sign(descriptor: int, run: str, holder: str, device: str) -> None:
    """Write down that this process holds the lease, for a run that knows the board as `device`.

    Raises:
        OSError: it cannot be written; the descriptor is closed.
    """
    note = {"run": run, "holder": holder, "since": time.time(), "pid": os.getpid(), "device": device}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode("utf-8"), 0)
    except OSError:
        os.close(descriptor)
        raise


def read(descriptor: int) -> Optional[Dict[str, Any]]:
    """Return {run, holder, since, pid, device}, those of them that make sense; None where nothing does."""
    try:
        note = json.loads(os.pread(descriptor, _MAX_READ, 0).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(note, dict):
        return None
    return {key: note[key] for key in _KEYS if key in note and _is_plain(note[key])}


def told(held_by: Optional[Dict[str, Any]]) -> str:
    """Return a sentence that says who holds the lease, and since when."""
    if not held_by:
        return "Somebody holds the lease of this device."
    since = held_by.get("since")
    minutes = (time.time() - since) / 60 if isinstance(since, (int, float)) else 0
    return "Run %s of %s holds this device since %.0f minutes." % (held_by.get("run"), held_by.get("holder"), minutes)


def _is_plain(value: object) -> bool:
    if isinstance(value, (int, float)):
        return math.isfinite(value) and abs(value) < 1e15
    return isinstance(value, str)
