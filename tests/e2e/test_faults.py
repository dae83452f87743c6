"""What users meet when something is wrong with a board, and when they interrupt a run.

That one board's fault costs no other's cells is shown by `tests.chaos`.
"""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.boards import RunningFleet
from tests.e2e.farm import Finished, experiment, farm, farm_run, write_yaml
from tests.e2e.started import Started

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
def running(fleet: RunningFleet, tmp_path: Path, long_experiment: Path) -> Iterator[Started]:
    """A run of some minutes; whatever becomes of the test, it does not hold the boards any longer."""
    started = Started.of(fleet.inventory, long_experiment, tmp_path / "out")
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGINT)
        started.process.wait(timeout=60)


@pytest.fixture
def long_experiment(tmp_path: Path) -> Path:
    return experiment(tmp_path / "experiment.yaml", precisions=["fp32", "w8-lowmem"], images=30, points=2.0)


def test_interrupt_keeps_what_was_measured_and_no_other_experiment_goes_on_there(
    running: Started, fleet: RunningFleet, long_experiment: Path, tmp_path: Path
) -> None:
    running.wait_for("cell")
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
