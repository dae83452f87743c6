"""Playing faults: a board, a device for each of them and some without, one run of the farm, and what came of it."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.boards import RunningFleet, running_fleet
from tests.chaos.faults import INNOCENT, Fault
from tests.chaos.outcome import PRECISIONS, Outcome, Played, events, outcome
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene

FARM = [sys.executable, "-m", "harness"]
FREE_S = 20.0
"""How long after the run a lease may still be held: heartbeats are missed after 12 seconds."""

_LOOK_S = 0.1
_HAND_S = 120.0


@dataclass
class Play:
    """A chaos run. Its devices are folders of one board, but for faults that need a board of their own.

    Attributes:
        folder: takes what it writes.
        warm: the workdir of a device that has all that it needs; None makes one first.
        innocent: how many devices nothing happens to, next to the faulty ones.
    """

    folder: Path
    fleet: RunningFleet
    faults: Sequence[Fault]
    warm: Path | None = None
    innocent: int = 1
    _scenes: dict[str, Scene] = field(default_factory=dict)
    _cast: dict[str, Fault] = field(default_factory=dict)

    def run(self, timeout: float) -> Played:
        """Play all faults in one run and return what became of every device, the innocent ones last."""
        warm = self.warm or self.warm_up()
        self._cast = {fault.name: fault for fault in self.faults}
        self._cast |= {f"innocent-{number}": INNOCENT for number in range(self.innocent)}
        out = self.folder / "out"
        with ExitStack() as stack:
            for name, fault in self._cast.items():
                self._scenes[name] = self._set(name, fault, warm, stack)
            with self._started(list(self._scenes.values()), out) as process:
                self._strike(out, process, time.monotonic() + timeout)
                code = process.wait(timeout=timeout)
            assert (out / "results.json").is_file(), f"the run left no results:\n{_log(out).read_text()}"
            return Played(tuple(self._outcomes(out)), code)

    def warm_up(self) -> Path:
        """Run once with nothing in the way; return the workdir that it leaves, with all that a device needs."""
        scene = self._scene("warm", self.fleet)
        with self._started([scene], self.folder / "warm") as process:
            assert process.wait(timeout=240) == 0, _log(self.folder / "warm").read_text()
        return scene.workdir

    def _set(self, name: str, fault: Fault, warm: Path, stack: ExitStack) -> Scene:
        board = next(iter(self.fleet.boards.values()))
        fleet = self.fleet
        if fault.own_board:
            fleet = stack.enter_context(running_fleet(self.folder / f"boards-{name}", (board.cpu,)))
        scene = self._scene(name, fleet)
        if fault.warm:
            scene.warm(warm)
        fault.prepare(scene)
        return scene

    def _scene(self, name: str, fleet: RunningFleet) -> Scene:
        board = next(iter(fleet.boards.values()))
        return Scene(name, fleet, board, Proxy(board.port))

    @contextmanager
    def _started(self, scenes: Sequence[Scene], out: Path) -> "Iterator[subprocess.Popen[bytes]]":
        """Start `farm run` on devices; whatever happens, it and the proxies have ended after it."""
        inventory, asked = out.with_suffix(".inventory.yaml"), out.with_suffix(".experiment.yaml")
        inventory.write_text(yaml.safe_dump({"devices": [scene.entry(_first(scene.fleet)) for scene in scenes]}))
        asked.write_text(yaml.safe_dump(experiment()))
        command = [*FARM, "run", "-i", str(inventory), "-e", str(asked), "-o", str(out)]
        with _log(out).open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)
            for scene in scenes:
                scene.proxy.close()

    def _strike(self, out: Path, process: "subprocess.Popen[bytes]", until: float) -> None:
        """Let every fault strike once its device has begun to measure; wait until all have."""
        waiting = {name: fault.strike for name, fault in self._cast.items() if fault.strike is not None}
        with ThreadPoolExecutor(max_workers=max(1, len(waiting))) as hands:
            struck: list[Future[None]] = []
            while waiting and process.poll() is None and time.monotonic() < until:
                for name in _begun(out) & waiting.keys():
                    struck.append(hands.submit(waiting.pop(name), self._scenes[name]))
                time.sleep(_LOOK_S)
            for hand in wait(struck, timeout=_HAND_S).done:
                hand.result()  # what went wrong with a strike must not pass for a fault

    def _outcomes(self, out: Path) -> Iterator[Outcome]:
        until = time.monotonic() + FREE_S
        for name, fault in self._cast.items():
            scene = self._scenes[name]
            held = not scene.free_within(max(0.0, until - time.monotonic()))
            yield outcome(name, fault, scene, out, held=held)


def experiment() -> dict[str, Any]:
    """Return what is measured: enough images for a cell to take some seconds, and so to be struck."""
    return {
        "models": [{"name": "b0", "bundled": "efficientvit_b0"}],
        "precisions": list(PRECISIONS),
        "sampling": {"max_images": 40, "batch": 20, "share_verdicts": False},
        "thresholds": {"accuracy_drop_points": 1.0},
        "timing": {"warmup": 1, "repeats": 3},
    }


def _first(fleet: RunningFleet) -> dict[str, Any]:
    device: dict[str, Any] = yaml.safe_load(fleet.inventory.read_text())["devices"][0]
    return device


def _log(out: Path) -> Path:
    return out.with_suffix(".log")


def _begun(out: Path) -> set[str]:
    return {event["key"]["device"] for event in events(out) if event["kind"] == "cell-started"}
