"""Running `farm` as a user does, and reading what it leaves."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

FARM = [sys.executable, "-m", "harness"]
RUN_S = 280


@dataclass(frozen=True)
class Finished:
    """A finished command, and the run's folder if there is one."""

    code: int
    output: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return loaded

    def cell(self, device: str, model: str, precision: str) -> dict[str, Any]:
        wanted = (device, model, precision)
        found = [c for c in self.results["cells"] if (c["device"], c["model"], c["precision"]) == wanted]
        assert len(found) == 1, wanted
        cell: dict[str, Any] = found[0]
        return cell

    def outputs(self, device: str, model: str, precision: str, engine: str = "3.6.1") -> NDArray[np.float32]:
        for line in (self.folder / "journal.jsonl").read_text().splitlines():
            evidence = json.loads(line).get("evidence", {})
            key = evidence.get("key", {})
            if key == {"device": device, "model": model, "precision": precision, "engine": engine}:
                array: NDArray[np.float32] = np.load(self.folder / "evidence" / f"{evidence['outputs']}.npy")
                return array
        raise AssertionError((device, model, precision, engine))


def farm(*arguments: str, timeout: float = RUN_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FARM, *arguments], capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
    )


def farm_run(inventory: Path, experiment: Path, folder: Path, *extra: str) -> Finished:
    done = farm("run", "-i", str(inventory), "-e", str(experiment), "-o", str(folder), *extra)
    return Finished(done.returncode, done.stdout + done.stderr, folder)


def write_yaml(path: Path, content: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False))
    return path


def experiment(
    path: Path, *, precisions: list[Any], images: int, models: list[str] | None = None, points: float = 50.0
) -> Path:
    """Write an experiment in batches of 5. Without a flip 50 points pass after 5 images (0.5^5), 40 after 10."""
    return write_yaml(
        path,
        {
            "models": [{"name": name[-2:], "bundled": name} for name in models or ["efficientvit_b0"]],
            "precisions": precisions,
            "sampling": {"max_images": images, "batch": 5},
            "thresholds": {"accuracy_drop_points": points},
            "timing": {"warmup": 1, "repeats": 3},
        },
    )
