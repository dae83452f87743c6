"""Processes as /proc shows them; one that ends, or closes a file, meanwhile is no error."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def pids() -> Iterator[int]:
    """Yield all processes."""
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def holding(*files: Path) -> list[int]:
    """Return the processes that have one of these files open."""
    wanted = set(files)
    return [pid for pid in pids() if not wanted.isdisjoint(open_files(pid))]


def open_files(pid: int) -> Iterator[Path]:
    """Yield what a process has open; nothing for one that is gone or somebody else's."""
    with suppress(OSError):
        for link in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield link.readlink()


def peers(pid: int) -> set[int]:
    """Return the ports that a process's TCP connections lead to."""
    try:
        lines = [line.split() for line in (PROC / str(pid) / "net" / "tcp").read_text().splitlines()[1:]]
    except OSError:
        return set()
    sockets = {str(file) for file in open_files(pid)}
    return {int(line[2].rpartition(":")[2], 16) for line in lines if f"socket:[{line[9]}]" in sockets}


def words(pid: int) -> list[bytes]:
    """Return a process's command line; empty for one that is gone."""
    return _parts(pid, "cmdline")


def variable(pid: int, name: str) -> str:
    """Return a variable of the environment that a process was started with; empty where there is none."""
    wanted = f"{name}=".encode()
    return next((part[len(wanted) :].decode() for part in _parts(pid, "environ") if part.startswith(wanted)), "")


def parent(pid: int) -> int:
    """Return a process's parent; 0 for one that is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(text[text.rindex(")") + 2 :].split()[1])


def _parts(pid: int, what: str) -> list[bytes]:
    try:
        return (PROC / str(pid) / what).read_bytes().split(b"\0")
    except OSError:
        return []
