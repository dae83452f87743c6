"""Who holds the device: asked without taking the lease, by anybody who may start an agent."""

import time

from harness.agent import lease
from harness.agent.frames import Header


def who(path: str) -> Header:
    """Whether the lease at `path` is held, for which run, by whom and for how many seconds (None: no note)."""
    held, note = lease.peek(path)
    since = note.get("since")
    # By the clock that wrote it: the coordinator's may tell another time.
    held_s = max(0.0, time.time() - since) if isinstance(since, (int, float)) else None
    return {"held": held, "run": note.get("run"), "holder": note.get("holder"), "held_s": held_s}
