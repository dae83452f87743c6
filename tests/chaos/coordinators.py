"""Playing faults of the coordinator's own machine: a gateway killed or frozen, a coordinator frozen.

Two boards are two sites here, each with a gateway of its own: what a gateway loses is its own site's.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from harness.emulator.board import Board
from tests.boards import RunningFleet
from tests.chaos import proc
from tests.chaos.blows import FREE_S, PRECISIONS, Aftermath, Blow
from tests.chaos.outcome import twice
from tests.chaos.remains import VARIABLE, Remains, looking, none_within
from tests.e2e.farm import Finished, experiment, farm, write_yaml
from tests.e2e.started import Started

LEFT_S = 20.0

_RUN_S = 900.0
_RUN, _RESUMED = "blow-1", "blow-2"


def deal(blow: Blow, fleet: RunningFleet, folder: Path, *, resume: bool = True, patient: bool = True) -> Aftermath:
    """Deal a blow to a run, let the run end, resume it.

    Args:
        blow: what happens.
        fleet: two boards that nobody uses.
        folder: takes the run.
        resume: whether it is resumed.
        patient: whether a frozen gateway stays so until it is missed; else it is ended once its device is free.
    """
    inventory = _two_sites(fleet, folder)
    asked = experiment(folder / "experiment.yaml", precisions=list(PRECISIONS), images=blow.images, points=1.0)
    with looking(fleet) as remains, _none_left(remains):
        started = Started.of(inventory, asked, folder / "out", env=remains.environment(_RUN))
        started.wait_until_begun(*fleet.boards)
        victim = min(_gateways()) if blow.gateway else started.process.pid
        hit = _reached_by(victim, fleet) if blow.gateway else list(fleet.boards.values())
        os.kill(victim, blow.number)
        freed_s = _free_after(hit)
        told = _who(inventory)
        if not blow.gateway:
            os.kill(victim, signal.SIGCONT)
        elif not patient:
            _end(victim)
        run = started.finish(_RUN_S)
        cells = {name: _endings(run, name) for name in fleet.boards}
        resumed = None
        if resume:
            again = Started.of(inventory, asked, run.folder, "--resume", env=remains.environment(_RESUMED))
            run = again.finish(_RUN_S)
            resumed = (run.code, bool(run.results["run"]["complete"]))
        left = tuple(none_within(LEFT_S, remains.all))
    return Aftermath(blow, freed_s, told, cells, started.process.returncode, resumed, _again(run, started), left)


def _two_sites(fleet: RunningFleet, folder: Path) -> Path:
    content = yaml.safe_load(fleet.inventory.read_text())
    content["sites"] = {"desk": {}, "lab": {}}
    for device, site in zip(content["devices"], ("desk", "lab"), strict=True):
        device["site"] = site
    return write_yaml(folder / "inventory.yaml", content)


def _gateways() -> list[int]:
    ours = (pid for pid in proc.pids() if proc.variable(pid, VARIABLE) == _RUN)
    return [pid for pid in ours if proc.words(pid)[0].startswith(b"ray::_GatewayActor")]


def _reached_by(gateway: int, fleet: RunningFleet) -> list[Board]:
    """Return the boards of a gateway's site, by the connections that it has."""
    ports = proc.peers(gateway)
    found = [board for board in fleet.boards.values() if board.port in ports]
    assert found, "the gateway is connected to no board"
    return found


def _free_after(boards: Sequence[Board]) -> float:
    """Wait until these boards are free; return how long that took."""
    leases = [board.home / ".cache" / "farm" / "lease" for board in boards]
    began = time.monotonic()
    while time.monotonic() - began <= FREE_S:
        if not proc.holding(*leases):
            return time.monotonic() - began
        time.sleep(0.1)
    return float("inf")


def _who(inventory: Path) -> dict[str, str]:
    lines = farm("who", "-i", str(inventory)).stdout.splitlines()
    return {line.split(":")[0].split()[-1]: line for line in lines if ":" in line}


def _endings(run: Finished, device: str) -> tuple[str, ...]:
    cells = [cell for cell in run.results["cells"] if cell["device"] == device]
    return tuple(cell["error"]["code"] if cell["error"] else cell["status"] for cell in cells)


def _again(run: Finished, started: Started) -> tuple[str, ...]:
    cells: dict[str, list[dict[str, Any]]] = {}
    for cell in run.results["cells"]:
        cells.setdefault(cell["device"], []).append(cell)
    return tuple(f"{name} {one}" for name, own in cells.items() for one in twice(own, started.events(), name))


@contextmanager
def _none_left(remains: Remains) -> Iterator[None]:
    """End whatever a run left, frozen or not, where a play itself went wrong."""
    try:
        yield
    finally:
        for pid in proc.pids():
            if proc.variable(pid, VARIABLE) in (_RUN, _RESUMED):
                _end(pid)
        none_within(LEFT_S, remains.holders)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
