"""Killing the coordinator again and again, and resuming it each time, until the run is done."""

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cache import cache_root
from tests.boards import RunningFleet
from tests.chaos.kills import Moment, Phase, moments, phase
from tests.chaos.outcome import events
from tests.chaos.play import FARM
from tests.chaos.remains import Remains, looking, none_within
from tests.chaos.weathered import FREE_S, Weathered
from tests.e2e.farm import Finished, experiment

LEFT_S = 20.0
"""Less than Ray's processes live on by themselves: what is gone by then was ended by us."""

_RUN_S = 600.0
_LOOK_S = 0.05


def storm(
    fleet: RunningFleet,
    folder: Path,
    *,
    kills: int,
    seed: int,
    precisions: Sequence[str] = ("fp32", "fp16", "w8-lowmem"),
    images: int = 60,
    cold: bool = False,
) -> Weathered:
    """Run an experiment undisturbed, and once more with its coordinator killed at random moments.

    Args:
        fleet: boards that nobody uses.
        folder: takes both runs.
        kills: how many.
        seed: of the moments.
        precisions: what is measured, of one model.
        images: how many a cell takes.
        cold: whether the run that is killed must prepare all that it needs, as if no other had been before it.
    """
    asked = experiment(folder / "experiment.yaml", precisions=list(precisions), images=images, points=2.0)
    with looking(fleet) as remains:
        calm = _Storm(fleet.inventory, asked, folder / "calm", remains).finish()
        began = time.monotonic()
        at = _Storm(fleet.inventory, asked, folder / "storm", remains, _empty_cache(folder) if cold else cache_root())
        for moment in moments(kills, random.Random(seed)):
            at.kill(moment)
        last = at.finish()
        left = none_within(LEFT_S, remains.all)
    return Weathered(
        kills=at.kills,
        seconds=time.monotonic() - began,
        freed_s=at.freed_s,
        calm=calm,
        results=last,
        journal=events(at.out),
        looked=at.looked,
        unreaped=at.unreaped,
        left=left,
        pieces=sorted(str(one) for one in at.out.rglob("*") if one.name[0] == "." or one.suffix == ".part"),
    )


@dataclass
class _Storm:
    """One run, started again after each kill."""

    inventory: Path
    asked: Path
    out: Path
    remains: Remains
    cache: Path = field(default_factory=cache_root)
    kills: Counter[Phase] = field(default_factory=Counter)
    freed_s: float = 0.0
    looked: int = 0
    unreaped: list[str] = field(default_factory=list)
    _starts: int = 0
    _before: int = 0

    def kill(self, moment: Moment) -> None:
        """Start or resume the run, and kill it at a moment; one that comes too late finds the run done."""
        process = self._start()
        until = time.monotonic() + _RUN_S
        due = moment.after_s + time.monotonic() if moment.since is None else None
        while process.poll() is None and (due is None or time.monotonic() < due):
            assert time.monotonic() < until, self.log
            if due is None and moment.since in {event["kind"] for event in self._events()}:
                due = time.monotonic() + moment.after_s
            time.sleep(_LOOK_S)
        self._look_back(process)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            struck = phase(self._events())
            first = struck is Phase.CELL and not self.kills[Phase.CELL]
            self.kills[struck] += 1
            if first:
                self._wait_until_free()

    def finish(self) -> dict[str, Any]:
        """Let the run come to its end; return its results."""
        process = self._start()
        code = process.wait(timeout=_RUN_S)
        assert code == 0, self.log
        return Finished(code, "", self.out).results

    @property
    def log(self) -> str:
        """What all of its starts said."""
        return self.out.with_suffix(".log").read_text()

    @property
    def _name(self) -> str:
        return f"{self.out.name}-{self._starts}"

    def _start(self) -> "subprocess.Popen[bytes]":
        self._starts += 1
        self._before = len(events(self.out))
        command = [*FARM, "run", "-i", str(self.inventory), "-e", str(self.asked), "-o", str(self.out)]
        if self.out.is_dir() and any(self.out.iterdir()):
            command.append("--resume")
        environment = {**self.remains.environment(self._name), "FARM_CACHE": str(self.cache)}
        with self.out.with_suffix(".log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def _events(self) -> list[dict[str, Any]]:
        return events(self.out)[self._before :]

    def _look_back(self, process: "subprocess.Popen[bytes]") -> None:
        """Once a run has a folder of its own, nothing of the runs before it may be there any more."""
        folders = {name: _owner(self.remains.tmp / name) for name in self.remains.files()}
        if process.poll() is None and process.pid in folders.values():
            self.looked += self._starts > 1
            self.unreaped += [name for name, owner in folders.items() if owner != process.pid]
            self.unreaped += self.remains.processes(self._name)

    def _wait_until_free(self) -> None:
        began = time.monotonic()
        held = none_within(FREE_S, self.remains.holders)
        self.freed_s = float("inf") if held else time.monotonic() - began


def _empty_cache(folder: Path) -> Path:
    cache = folder / "cache"
    cache.mkdir()
    (cache / "wheels").symlink_to(cache_root() / "wheels")  # they come from a package index
    return cache


def _owner(folder: Path) -> int:
    try:
        return int((folder / "owner").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
