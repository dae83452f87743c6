"""From a FAIL to its cause and to what repairs it, as a user does it: run, explain, remedy, run the plan again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.boards import RunningFleet
from tests.diagnose.planted import Cause, culprit_node, write
from tests.e2e.farm import Finished, farm, farm_run, write_yaml

pytestmark = pytest.mark.e2e

A72, A76 = "cortex-a72", "cortex-a76"
POSITION = 1


def experiment(folder: Path, precisions: list[Any]) -> Path:
    model, samples, _ = write(folder, Cause.EPSILON, POSITION, count=32)
    content = {
        "models": [{"name": "planted", "file": str(model), "samples": {"arrays": str(samples)}}],
        "precisions": precisions,
        "sampling": {"max_images": 32, "batch": 16},
        "thresholds": {"accuracy_drop_points": 20.0},
        "timing": {"warmup": 0, "repeats": 1},
        "diagnosis": {"minutes": 5, "images": 1},
    }
    return write_yaml(folder / "experiment.yaml", content)


@pytest.fixture(scope="module")
def run(fleet: RunningFleet, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("diagnosis")
    asked = experiment(folder, ["fp32", "fp16"])
    done = farm_run(fleet.inventory, asked, folder / "out")
    assert done.code == 0, done.output
    return done


@pytest.fixture(scope="module")
def treated(run: Finished) -> dict[str, Any]:
    done = farm("remedy", str(run.folder), "--probes", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((run.folder / "diagnosis.json").read_text())
    (treatment,) = found["treatments"]
    assert isinstance(treatment, dict)
    return treatment


def test_a_run_explains_what_it_shows_to_lose_accuracy(run: Finished) -> None:
    assert run.cell(A76, "planted", "fp16")["verdict"] == "FAIL"
    assert run.cell(A72, "planted", "fp16")["verdict"] == "N/A"
    found = json.loads((run.folder / "diagnosis.json").read_text())
    (explanation,) = found["explanations"]
    assert explanation["key"]["device"] == A76
    worst = explanation["blocks"][0]
    assert worst["name"].startswith(f"blocks.{POSITION}")
    guilty = worst["culprits"][0]
    assert guilty["name"].startswith(culprit_node(Cause.EPSILON, POSITION))
    assert guilty["mechanism"] == "vanishing denominator"
    report = (run.folder / "report.md").read_text()
    assert "## What loses it" in report
    assert "divides by what becomes 0" in report
    (picture,) = run.folder.glob("explain-*.svg")
    assert f"({picture.name})" in report


def test_an_explanation_is_told_again_without_a_device(run: Finished) -> None:
    done = farm("explain", str(run.folder), "--device", A76, "--model", "planted", "--precision", "fp16", timeout=60)
    assert done.returncode == 0, done.stderr
    assert "vanishing denominator" in done.stdout


@pytest.mark.parametrize(
    ("device", "precision", "words"), [(A72, "fp16", "did not run as asked"), (A76, "fp8", "fp16")]
)
def test_what_cannot_be_explained_is_the_users_mistake(
    run: Finished, device: str, precision: str, words: str
) -> None:
    done = farm("explain", str(run.folder), "--device", device, "--model", "planted", "--precision", precision)
    assert done.returncode == 2, done.stdout
    assert "nothing-to-explain" in done.stderr
    assert words in done.stderr


def test_the_rewrite_that_avoids_the_cause_repairs_it(treated: dict[str, Any]) -> None:
    tried = {one["title"]: one for one in treated["tried"]}
    assert tried["rewritten: epsilon"]["verdict"] == "PASS"
    assert tried["rewritten: epsilon"]["relative_l2"] < 0.01
    assert tried["fewer Winograd units"]["verdict"] == "FAIL"
    assert tried["8-bit weights, memory low"]["verdict"] == "FAIL"
    assert tried["fp32"]["verdict"] == "PASS"
    best = treated["best"]
    assert best["verdict"] == "PASS"
    assert best["kind"] in ("rewrite", "mixed")
    assert "converter flags" in best["settings"]


def test_mixed_precision_isolates_the_culprit(run: Finished, treated: dict[str, Any]) -> None:
    plans = [one for one in treated["tried"] if one["kind"] == "mixed" and one["verdict"] == "PASS"]
    assert plans
    named = [one for one in plans if one["plan"]]
    assert len(named) == 1
    plan = yaml.safe_load((run.folder / named[0]["plan"]).read_text())
    exact = [segment for segment in plan["segments"] if segment["compute"] == "fp32"]
    # The one that holds the division, and it is not all of the model.
    assert any(f"blocks.{POSITION}" in name for segment in exact for name in segment["outputs"])
    assert sum(segment["share"] for segment in exact) < 0.6


def test_a_plan_is_a_precision_of_any_run_and_a_program_without_the_farm(
    run: Finished, treated: dict[str, Any], fleet: RunningFleet, tmp_path: Path
) -> None:
    plan = run.folder / next(one["plan"] for one in treated["tried"] if one["plan"])
    asked = experiment(tmp_path, ["fp32", {"name": "mine", "plan": str(plan)}])
    again = farm_run(fleet.inventory, asked, tmp_path / "out")
    assert again.code == 0, again.output
    cell = again.cell(A76, "planted", "mine")
    assert (cell["verdict"], cell["effective"]["compute"]) == ("PASS", "fp16+fp32")
    assert again.cell(A72, "planted", "mine")["verdict"] == "N/A"
    program = plan.with_suffix(".py")
    compile(program.read_text(), str(program), "exec")


def test_the_program_answers_as_the_model_does(run: Finished, treated: dict[str, Any], tmp_path: Path) -> None:
    """On this machine fp16 is fp32, so the program must give what onnxruntime gives."""
    import subprocess
    import sys

    from harness.models.samples import SampleSet
    from harness.models.source import resolve
    from harness.models.variants import make_variant
    from harness.precision import Weights
    from tests.diagnose.planted import images, planted
    from tests.diagnose.planted import run as answer

    model, _, _ = write(tmp_path, Cause.EPSILON, POSITION, count=1)
    x = images(Cause.EPSILON, 1)
    file = make_variant(resolve(name="p", file=model), Weights(), SampleSet(x, None, (), (), ("a",))).path
    np.save(tmp_path / "image.npy", x)
    program = (run.folder / next(one["plan"] for one in treated["tried"] if one["plan"])).with_suffix(".py")
    command = [sys.executable, str(program), str(file), str(tmp_path / "image.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    expected = answer(planted(Cause.EPSILON, POSITION)[0], x)[0]
    best = int(expected.argmax())
    assert f"{best}: {expected[best]:.3f}"[:-1] in done.stdout
