"""What runs of ours may leave on this machine and on its boards: processes, files, leases."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.emulator.processes import marked
from tests.boards import RunningFleet
from tests.chaos import proc

VARIABLE = "FARM_CHAOS"
"""Is in the environment of a run, and so of all that it starts: its value says which run's a process is."""

_LOOK_S = 0.5


@dataclass(frozen=True)
class Remains:
    """Looks for what runs leave. Start them with `environment`.

    Attributes:
        tmp: where the runs put temporary files; nobody else does.
        at_rest: the processes of the boards while nobody uses them.
    """

    fleet: RunningFleet
    tmp: Path
    at_rest: frozenset[int]

    def environment(self, run: str) -> dict[str, str]:
        """Return the environment to start a run with, by whose name its processes are known."""
        return {**os.environ, VARIABLE: run, "TMPDIR": str(self.tmp)}

    def processes(self, *but: str) -> list[str]:
        """Return the processes of all runs but these, as `run: pid title`."""
        runs = {pid: run for pid in proc.pids() if (run := proc.variable(pid, VARIABLE)) and run not in but}
        return [f"{run}: {pid} {_title(pid)}" for pid, run in runs.items()]

    def files(self) -> list[str]:
        """Return what lies where the runs put temporary files."""
        return sorted(one.name for one in self.tmp.iterdir())

    def holders(self) -> list[str]:
        """Return the processes that hold the lease of a board."""
        leases = (board.home / ".cache" / "farm" / "lease" for board in self.fleet.boards.values())
        return [f"lease: {pid}" for pid in proc.holding(*leases)]

    def guests(self) -> list[str]:
        """Return what runs on the boards and does not when nobody uses them: sessions, agents before their hello."""
        return [f"on a board: {pid}" for pid in sorted(_on(self.fleet) - self.at_rest)]

    def all(self) -> list[str]:
        """Return everything that is left."""
        return [*self.processes(), *self.files(), *self.holders(), *self.guests()]


@contextmanager
def looking(fleet: RunningFleet) -> Iterator[Remains]:
    """Look at boards that nobody uses just now."""
    # Its own, and short: Ray puts sockets there, and others on this machine run farms as well.
    with tempfile.TemporaryDirectory(prefix="fc", ignore_cleanup_errors=True) as tmp:
        yield Remains(fleet, Path(tmp), frozenset(_on(fleet)))


def none_within(seconds: float, find: Callable[[], list[str]]) -> list[str]:
    """Return what `find` still finds after so many seconds; nothing, as soon as it finds nothing."""
    until = time.monotonic() + seconds
    while (found := find()) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    return found


def _on(fleet: RunningFleet) -> set[int]:
    return {one.pid for board in fleet.boards.values() for one in marked(board.mark) if one.state != "Z"}


def _title(pid: int) -> str:
    return b" ".join(proc.words(pid)).decode("utf-8", "replace").strip()[:100]
