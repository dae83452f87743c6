"""Processes as /proc shows them: who is whose child, and which belong to a board."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARKER = "FARM_BOARD"
"""The environment variable by which a board's processes are known even when their keeper is gone."""

_PROC = Path("/proc")
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """A process; its start time tells it from a later one that was given the same number."""

    pid: int
    parent: int
    started: int
    state: str


def process(pid: int) -> Process | None:
    """Return what /proc says of a process, or None if it is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field, the program's name in brackets, may hold blanks and brackets itself.
    fields = text[text.rindex(")") + 2 :].split()
    return Process(pid=pid, parent=int(fields[1]), started=int(fields[19]), state=fields[0])


def is_running(pid: int, started: int) -> bool:
    """Return whether that very process still runs (one that has ended but was not collected does not)."""
    found = process(pid)
    return found is not None and found.started == started and found.state != "Z"


def descendants(pid: int) -> list[Process]:
    """Return the processes below `pid`, parents before their children."""
    children: dict[int, list[Process]] = {}
    for one in _all():
        children.setdefault(one.parent, []).append(one)
    found: list[Process] = []
    queue = [pid]
    for parent in queue:
        found += children.get(parent, ())
        queue += (child.pid for child in children.get(parent, ()))
    return found


def marked(mark: str) -> list[Process]:
    """Return the processes that carry the mark in their environment, and those that they trace or started.

    A program of the userland that was started with an empty environment has lost the mark, but proot, which
    has it, is still tracing it.
    """
    wanted = f"{MARKER}={mark}".encode()
    everything = list(_all())
    found = {one.pid: one for one in everything if wanted in _environment(one.pid)}
    grown = -1
    while grown != len(found):
        grown = len(found)
        found |= {one.pid: one for one in everything if one.parent in found or _tracer(one.pid) in found}
    return list(found.values())


def kill(one: Process) -> None:
    """Kill a process unless it has ended since it was seen."""
    if is_running(one.pid, one.started):
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)


def wait_until_gone(pid: int, started: int, patience_s: float) -> bool:
    """Wait for a process to end; return whether it did."""
    deadline = time.monotonic() + patience_s
    while is_running(pid, started):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _all() -> Iterator[Process]:
    for folder in _PROC.iterdir():
        found = process(int(folder.name)) if folder.name.isdecimal() else None
        if found:
            yield found


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or somebody else's
        return []


def _tracer(pid: int) -> int:
    try:
        status = (_PROC / str(pid) / "status").read_text(errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("TracerPid:")), 0)
