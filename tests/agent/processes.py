"""Looking at the agent's processes from outside, through /proc."""

import fcntl
import time
from collections.abc import Callable
from pathlib import Path


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _stat(int(entry.name))[1] == pid:
            found.append(int(entry.name))
    return found


def zygote_of(agent: int) -> int:
    (only,) = zygotes(agent)
    return only


def zygotes(agent: int) -> list[int]:
    return [pid for pid in children(agent) if "--zygote" in _words(pid)]


def watchdog_of(agent: int) -> int:
    """Return the process that ends the agent should it stand still."""
    found: list[int] = []

    def named() -> bool:
        found[:] = [pid for pid in children(agent) if _name(pid) == "farm-watchdog"]
        return len(found) == 1

    wait_until(named)
    return found[0]


def child_of(agent: int) -> int:
    """Return the process of the only open cell."""
    wait_until(lambda: len(children(zygote_of(agent))) == 1)
    return children(zygote_of(agent))[0]


def alive(pid: int) -> bool:
    return _stat(pid)[0] not in ("", "Z", "X")


def is_free(lease: Path) -> bool:
    with lease.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def descriptors(pid: int) -> dict[str, str]:
    """Return what a process has open, by number."""
    return {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def wait_until(holds: Callable[[], bool], timeout: float = 10) -> float:
    """Wait for something to hold; return how long it took, seconds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < timeout, "it never came true"
        time.sleep(0.02)
    return time.monotonic() - began


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, int]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", 0
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, int(parent)
