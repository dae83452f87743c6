"""A run in which something goes wrong ends with the rest measured, and says what went wrong."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.boards import RunningFleet
from tests.e2e.farm import FARM, Finished, experiment, farm, farm_run, write_yaml

pytestmark = pytest.mark.e2e

A72, A76 = "cortex-a72", "cortex-a76"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqvJrKMpNgsBTQLYDTsqZJVy5HmrTTJTqd8lKDPW6kD"


def _inventory(fleet: RunningFleet, path: Path, changes: dict[str, dict[str, Any]]) -> Path:
    content = yaml.safe_load(fleet.inventory.read_text())
    for device in content["devices"]:
        device.update(changes.get(device["name"], {}))
    return write_yaml(path, content)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_one_unreachable_board_does_not_end_the_run(fleet: RunningFleet, tmp_path: Path) -> None:
    inventory = _inventory(fleet, tmp_path / "inventory.yaml", {A72: {"port": _free_port()}})
    asked = experiment(tmp_path / "experiment.yaml", precisions=["fp32"], images=5)
    run = farm_run(inventory, asked, tmp_path / "out")
    assert run.code == 3, run.output
    lost = run.cell(A72, "b0", "fp32")
    assert (lost["status"], lost["verdict"]) == ("error", "ERROR")
    assert lost["error"]["code"] == "device-unreachable"
    assert lost["error"]["blame"] == "infrastructure"
    assert lost["error"]["advice"]
    assert run.cell(A76, "b0", "fp32")["verdict"] == "PASS", run.output


def test_wrong_host_key_is_refused_with_the_line_to_add(fleet: RunningFleet, tmp_path: Path) -> None:
    inventory = _inventory(fleet, tmp_path / "inventory.yaml", {A72: {"host_key": OTHER_KEY}})
    true_key = {d["name"]: d["host_key"] for d in yaml.safe_load(fleet.inventory.read_text())["devices"]}[A72]
    checked = farm("check", "-i", str(inventory))
    assert checked.returncode == 3
    assert "host-key-changed" in checked.stdout
    assert f"host_key: {true_key}" in checked.stdout
    assert "1 of 2 devices" in checked.stdout


def test_check_says_that_all_is_well(fleet: RunningFleet) -> None:
    checked = farm("check", "-i", str(fleet.inventory))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "aarch64" in checked.stdout
    assert "Traceback" not in checked.stderr


class _Running:
    """A run under way in a session of its own, so that it can be killed with all that is its own."""

    def __init__(self, inventory: Path, asked: Path, folder: Path) -> None:
        self.folder = folder
        command = [*FARM, "run", "-i", str(inventory), "-e", str(asked), "-o", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_for(self, kind: str, count: int = 1, timeout: float = 120) -> None:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.kinds().count(kind) >= count:
                return
            assert self.process.poll() is None, "the run ended too early"
            time.sleep(0.2)
        raise AssertionError(f"no {kind} within {timeout} s")

    def kinds(self) -> list[str]:
        journal = self.folder / "journal.jsonl"
        lines = journal.read_text().splitlines() if journal.is_file() else []
        return [json.loads(line)["kind"] for line in lines if line.endswith("}")]


def _agents(run_folder: Path) -> list[int]:
    """Return the processes on this machine's boards that hold the lease of this run."""
    first = json.loads((run_folder / "journal.jsonl").read_text().splitlines()[0])
    return _holding(first["snapshot"]["run"])


def _holding(run: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            links = [link.readlink() for link in (entry / "fd").iterdir()]
            if any(link.name == "lease" and link.is_file() and run in link.read_text() for link in links):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture
def running(fleet: RunningFleet, tmp_path: Path, long_experiment: Path) -> Iterator[_Running]:
    """A run of some minutes; whatever becomes of the test, it does not hold the boards any longer."""
    started = _Running(fleet.inventory, long_experiment, tmp_path / "out")
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGINT)
        started.process.wait(timeout=60)


@pytest.fixture
def long_experiment(tmp_path: Path) -> Path:
    return experiment(tmp_path / "experiment.yaml", precisions=["fp32", "w8-lowmem"], images=60, points=2.0)


def test_killed_agent_costs_its_cell_at_most(running: _Running) -> None:
    running.wait_for("cell-started", 2)
    time.sleep(1.0)
    held = _agents(running.folder)
    assert held
    for pid in held:
        with contextlib.suppress(ProcessLookupError):  # the children of one that was killed go by themselves
            os.kill(pid, signal.SIGKILL)
    assert running.process.wait(timeout=250) in (0, 3)
    run = Finished(running.process.returncode, "", running.folder)
    assert {cell["status"] for cell in run.results["cells"]} <= {"measured", "error"}
    assert run.cell(A76, "b0", "w8-lowmem")["status"] == "measured"


def test_interrupt_keeps_what_was_measured_and_no_other_experiment_goes_on_there(
    running: _Running, fleet: RunningFleet, long_experiment: Path, tmp_path: Path
) -> None:
    running.wait_for("cell", 1)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=60) == 130
    assert _agents(running.folder) == []
    results = Finished(130, "", running.folder).results
    assert results["run"]["complete"] is False
    assert "measured" in {cell["status"] for cell in results["cells"]}

    again = farm_run(fleet.inventory, long_experiment, running.folder)
    assert again.code == 2
    assert "not empty" in again.output
    changed = experiment(tmp_path / "experiment.yaml", precisions=["fp32", "fp16"], images=5)
    resumed = farm_run(fleet.inventory, changed, running.folder, "--resume")
    assert resumed.code == 2
    assert "experiment" in resumed.output
