"""A device with a fault, from outside: its entry in the inventory, its processes, its files, its link."""

import contextlib
import copy
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.emulator.board import Board
from harness.emulator.processes import descendants
from tests.boards import RunningFleet
from tests.chaos import proc
from tests.chaos.plants import MARK, python_script
from tests.chaos.proxy import Proxy

_LOOK_S = 0.05


@dataclass
class Scene:
    """One device of a chaos run.

    Attributes:
        changes: of its entry in the inventory.
        struck: how many of its processes got a signal.
        notes: what a strike saw happen, in its own words.
    """

    name: str
    fleet: RunningFleet
    board: Board
    proxy: Proxy
    changes: dict[str, Any] = field(default_factory=dict)
    struck: int = 0
    notes: set[str] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        """Its own folder, as the host sees it."""
        return self.board.home / "chaos" / self.name

    @property
    def inside(self) -> str:
        """The same as the board sees it."""
        return f"/home/{self.board.user}/chaos/{self.name}"

    @property
    def workdir(self) -> Path:
        """Its workdir, as the host sees it."""
        return self.folder / "farm"

    @property
    def mark(self) -> Path:
        """What is there once something that was planted in its Python has struck."""
        return self.folder / "bin" / MARK

    def python(self, *, first: str = "", code: str = "") -> None:
        """Put something in the way of its Python."""
        self.changes["python"] = python_script(self.folder / "bin", f"{self.inside}/bin", first=first, code=code)

    def entry(self, like: dict[str, Any]) -> dict[str, Any]:
        """Return the device for the inventory."""
        port = self.changes.get("port") or self.proxy.open()
        workdir = f"~/chaos/{self.name}/farm"
        mine = {"name": self.name, "port": port, "workdir": workdir, "lease": f"{workdir}/lease"}
        return {**copy.deepcopy(like), **mine, "deadlines": {"connect_s": 8, "cell_s": 240}, **self.changes}

    def warm(self, source: Path) -> None:
        """Give it the store of a device that has all."""
        shutil.copytree(
            source, self.workdir, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("lease")
        )

    def holders(self) -> list[int]:
        """Return the processes that hold its lease."""
        return proc.holding(self.workdir / "lease")

    def free_within(self, seconds: float) -> bool:
        """Wait until nobody holds its lease; return whether that came about."""
        until = time.monotonic() + seconds
        while self.holders():
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_S)
        return True

    def agents(self) -> list[int]:
        """Return its agent."""
        return [pid for pid in self.holders() if b"--zygote" not in proc.words(pid)]

    def children(self) -> list[int]:
        """Return the children that compute cells: forks of a zygote."""
        zygotes = {pid for pid in self.holders() if b"--zygote" in proc.words(pid)}
        return [pid for pid in zygotes if proc.parent(pid) in zygotes]

    def listener(self) -> list[int]:
        """Return its board's SSH server, the process that listens."""
        below = [one.pid for one in descendants(self.board.keeper)]
        return [pid for pid in below if b"[listener]" in b" ".join(proc.words(pid))]

    def servers(self) -> list[int]:
        """Return the SSH server's processes that serve its sessions; the one that listens is not among them."""
        found = set()
        for pid in self.holders():
            while (pid := proc.parent(pid)) > 1:
                title = b" ".join(proc.words(pid))
                if title.startswith(b"sshd") and b"[listener]" not in title:
                    found.add(pid)
        return sorted(found)

    def signal(self, pids: Sequence[int], number: int) -> None:
        """Send a signal to processes of its own, and count those that were there to get it."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                self.struck += 1
