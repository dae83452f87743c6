"""What the coordinator makes before a device is asked: which files it runs itself, and what is written down of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.dispatch import prepare
from harness.dispatch.arrays import ArrayStore
from harness.models.host_runs import on_host
from harness.models.samples import SampleSet
from harness.models.variants import Variant
from harness.plan import plan
from harness.precision import Memory, Weights
from tests.models.builders import network

NORMAL, LOW = Memory.NORMAL, Memory.LOW
PLAIN, EIGHT = Weights(), Weights(bits=8)


def prepared(folder: Path, precisions: list[Any]) -> tuple[prepare.Prepared, list[tuple[Weights, Memory]]]:
    """Prepare one small model for one device; return also what was run here, in its order."""
    np.savez(folder / "samples.npz", x=np.random.default_rng(0).random((4, 3, 16, 16), np.float32), y=[0, 1, 2, 3])
    models = [{"name": "m", "file": str(network(folder / "m.onnx")), "samples": {"arrays": "samples.npz"}}]
    (folder / "experiment.yaml").write_text(yaml.safe_dump({"models": models, "precisions": precisions}))
    (folder / "inventory.yaml").write_text("devices: [{name: a, host: a.test, user: u}]\n")
    experiment = load_experiment(folder / "experiment.yaml")
    ran: list[tuple[Weights, Memory]] = []

    def as_task(function: Callable[..., Any], *arguments: Any) -> Any:
        if function is on_host:
            variant, _, memory = arguments
            ran.append((variant.weights, memory))
        return function(*arguments)

    planned = plan(load_inventory(folder / "inventory.yaml"), experiment)
    subjects = prepare.find_subjects(experiment)
    return prepare.make(subjects, planned, as_task=as_task, stage=lambda _: None), ran


@pytest.mark.parametrize(
    ("precisions", "expected"),
    [
        (["fp32"], {(PLAIN, NORMAL)}),
        (["fp16"], {(PLAIN, NORMAL)}),
        (["w8"], {(PLAIN, NORMAL), (EIGHT, NORMAL)}),
        (["w8-lowmem"], {(PLAIN, NORMAL), (EIGHT, NORMAL), (EIGHT, LOW)}),
    ],
)
def test_every_file_is_run_here_at_memory_normal_beside_the_fp32_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precisions: list[str], expected: set[tuple[Weights, Memory]]
) -> None:
    monkeypatch.setenv("FARM_CACHE", str(tmp_path / "cache"))
    found, ran = prepared(tmp_path, precisions)
    assert len(ran) == len(expected)
    assert set(ran) == expected == {(weights, memory) for _, weights, memory in found.host}


def test_what_it_answered_and_how_large_it_is_are_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARM_CACHE", str(tmp_path / "cache"))
    found, _ = prepared(tmp_path, ["w8-lowmem"])
    store = ArrayStore(tmp_path)
    (note,) = prepare.notes(found, store)
    for one in note.host:
        variant = found.variants["m", one.weights]
        assert isinstance(variant, Variant)
        assert one.size == variant.path.stat().st_size
        np.testing.assert_array_equal(store.load(one.outputs), found.host["m", one.weights, one.memory])
    assert isinstance(found.subjects["m"].samples, SampleSet)
