"""Gates before a cell, through a real agent: what cannot be met costs the cell, and says so."""

from pathlib import Path

import pytest
import yaml

from tests.boards import RunningFleet
from tests.e2e.farm import experiment, farm, farm_run, write_yaml

pytestmark = pytest.mark.e2e


def test_a_device_that_is_never_fit_is_an_error_with_the_reason(fleet: RunningFleet, tmp_path: Path) -> None:
    """A terabyte of free disk, at once: no test machine has that. The other board has no gates, and is measured."""
    content = yaml.safe_load(fleet.inventory.read_text())
    for device in content["devices"]:
        if device["name"] == "cortex-a72":
            device["health"] = {"min_disk_mb": 1048576, "min_battery_percent": 20, "wait_s": 0}
    inventory = write_yaml(tmp_path / "inventory.yaml", content)

    checked = farm("check", "-i", str(inventory))
    assert checked.returncode == 3, checked.stdout + checked.stderr
    assert "✗ cortex-a72: device-unfit (device): Not fit just now:" in checked.stdout
    assert "MB of disk free, below 1048576" in checked.stdout
    assert "these gates never shut: min_battery_percent" in checked.stdout
    assert "✓ cortex-a76" in checked.stdout

    asked = experiment(tmp_path / "experiment.yaml", precisions=["fp32"], images=5)
    run = farm_run(inventory, asked, tmp_path / "out")
    assert run.code == 3, run.output
    cell = run.cell("cortex-a72", "b0", "fp32")
    assert (cell["status"], cell["verdict"], cell["error"]["code"]) == ("error", "ERROR", "device-unfit")
    assert cell["error"]["blame"] == "device"
    assert "MB of disk free, below 1048576" in cell["error"]["message"]
    good = run.cell("cortex-a76", "b0", "fp32")
    assert (good["status"], good["verdict"]) == ("measured", "PASS")
    told = good["condition"]
    assert 0 <= told["busy"] <= 1
    assert told["memory_mb"] > 0
    assert told["disk_mb"] > 0
    assert "## Device health" in (tmp_path / "out" / "report.md").read_text()
