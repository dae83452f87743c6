"""The fp16 truth: fp16 changes the numbers on the board that has it, and only there."""

import json
import os
import shutil
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import onnxruntime
import pytest

from harness.emulator.board import Board
from tests.boards import RunningFleet, running_fleet
from tests.e2e.farm import Finished, experiment, farm, farm_run

pytestmark = pytest.mark.e2e

IMAGES = 10
A72, A76 = "cortex-a72", "cortex-a76"


@pytest.fixture(scope="module")
def run(fleet: RunningFleet, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    work = tmp_path_factory.mktemp("truth")
    asked = experiment(
        work / "experiment.yaml",
        precisions=["fp32", "fp16", "bf16", "w8-lowmem"],
        images=IMAGES,
        models=["efficientvit_b0", "efficientvit_m0"],
        points=40.0,
    )
    return farm_run(fleet.inventory, asked, work / "out")


def test_run_is_complete(run: Finished) -> None:
    assert run.code == 0, run.output
    assert run.results["run"]["complete"] is True
    assert len(run.results["cells"]) == 2 * 2 * 4


@pytest.mark.parametrize("model", ["b0", "m0"])
def test_fp32_is_equal_to_the_bit_on_both_boards(run: Finished, model: str) -> None:
    one, other = run.outputs(A72, model, "fp32"), run.outputs(A76, model, "fp32")
    assert one.shape == (IMAGES, 10)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("model", ["b0", "m0"])
def test_fp32_agrees_with_onnxruntime(run: Finished, model: str) -> None:
    reference = _reference(model)
    mine = run.outputs(A76, model, "fp32")
    assert np.linalg.norm(mine - reference) / np.linalg.norm(reference) < 1e-3
    assert run.cell(A76, model, "fp32")["verdict"] == "PASS"


@pytest.mark.parametrize("model", ["b0", "m0"])
def test_fp16_changes_the_numbers_where_it_exists(run: Finished, model: str) -> None:
    exact, half = run.outputs(A76, model, "fp32"), run.outputs(A76, model, "fp16")
    distance = np.linalg.norm(half - exact) / np.linalg.norm(exact)
    assert 1e-4 < distance < 0.2
    effective = run.cell(A76, model, "fp16")["effective"]
    assert (effective["compute"], effective["proven"]) == ("fp16", True)


@pytest.mark.parametrize("model", ["b0", "m0"])
def test_fp16_is_not_claimed_where_it_does_not_exist(run: Finished, model: str) -> None:
    cell = run.cell(A72, model, "fp16")
    assert (cell["status"], cell["verdict"]) == ("measured", "N/A")
    assert cell["effective"]["compute"] == "fp32"
    assert cell["metrics"]["images"] == 1


@pytest.mark.parametrize("device", [A72, A76])
def test_bf16_is_never_claimed(run: Finished, device: str) -> None:
    assert run.cell(device, "b0", "bf16")["verdict"] == "N/A"


@pytest.mark.parametrize(("model", "share"), [("b0", 0.895), ("m0", 0.973)])
@pytest.mark.parametrize("device", [A72, A76])
def test_int8_multiplication_is_proven_by_convolutions_that_ignore_rounding(
    run: Finished, device: str, model: str, share: float
) -> None:
    cell = run.cell(device, model, "w8-lowmem")
    effective = cell["effective"]
    assert (effective["compute"], effective["extent"], cell["verdict"]) == ("int8+fp32", "in effect", "PASS")
    assert {"file", "ignores-rounding", "differs-from-dequantised", "memory"} <= set(effective["proof"])
    assert effective["share"] == pytest.approx(share, abs=0.01)
    assert {operator["type"] for operator in effective["fallbacks"]} <= {"ConvolutionDepthwise", "While"}


def test_fp16_whose_convolutions_silently_run_as_fp32(run: Finished, fleet: RunningFleet, tmp_path: Path) -> None:
    """fp16 without dot product, memory low: the engine says fp16, and its convolutions hand on float32."""
    assert run.code == 0, "else there is no engine to copy"
    low = {"name": "fp16-lowmem", "compute": "fp16", "memory": "low"}
    asked = experiment(tmp_path / "experiment.yaml", precisions=[low], images=5)
    with running_fleet(tmp_path / "fleet", ("a64fx",)) as third:
        give_engine(fleet.boards[A76], third.boards["a64fx"])
        alone = farm_run(third.inventory, asked, tmp_path / "out")
    assert alone.code == 0, alone.output
    cell = alone.cell("a64fx", "b0", "fp16-lowmem")
    assert (cell["verdict"], cell["metrics"]["images"]) == ("N/A", 1)
    effective = cell["effective"]
    assert (effective["compute"], effective["extent"]) == ("fp16+fp32", "partly in effect")
    assert (effective["in_effect"], effective["proven"]) == (False, True)
    assert {"backend", "values"} <= set(effective["proof"])
    assert effective["share"] == pytest.approx(0.134, abs=0.01)
    assert {operator["type"] for operator in effective["fallbacks"]} == {"Convolution"}
    first = effective["fallbacks"][0]
    assert first["name"] in effective["note"]
    assert cell["reason"].startswith("ran as fp16+fp32: ran mostly as fp32")
    assert first["name"].replace("_", "\\_") in (alone.folder / "report.md").read_text()


def give_engine(source: Board, board: Board) -> None:
    """Let a board have the engine of another one, as if it had been used before: unpacking takes it long."""
    for part in ("store", "engines"):
        theirs, own = (home / ".cache" / "farm" / part for home in (source.home, board.home))
        # Hard links are enough: an agent replaces files instead of writing into them.
        shutil.copytree(theirs, own, copy_function=os.link)


def test_metrics_follow_from_the_evidence(run: Finished) -> None:
    reference, half = _reference("b0"), run.outputs(A76, "b0", "fp16")
    norms = np.linalg.norm(half.astype(np.float64) - reference, axis=1) / np.linalg.norm(reference, axis=1)
    metrics = run.cell(A76, "b0", "fp16")["metrics"]
    assert metrics["images"] == IMAGES
    assert metrics["relative_l2_median"] == pytest.approx(float(np.median(norms)), rel=1e-3)
    assert metrics["top1_agreement"] == pytest.approx(np.mean(half.argmax(1) == reference.argmax(1)))


def test_timings_are_marked_as_emulated(run: Finished) -> None:
    assert all(cell["timing"]["emulated"] for cell in run.results["cells"])
    assert "emulated" in (run.folder / "report.md").read_text()


def test_results_follow_the_schema(run: Finished) -> None:
    schema = json.loads((resources.files("harness.report") / "results.schema.json").read_text())
    jsonschema.validate(run.results, schema)


def test_report_from_stored_evidence_is_the_same(run: Finished) -> None:
    before = {name: (run.folder / name).read_bytes() for name in ("report.md", "results.json", "results.csv")}
    assert farm("report", str(run.folder)).returncode == 0
    assert before == {name: (run.folder / name).read_bytes() for name in before}


def _reference(model: str) -> np.ndarray:
    """Compute the reference here, from the bundled files, without the harness's own code."""
    bundled = Path(str(resources.files("harness.models"))) / "bundled"
    folder = bundled / f"efficientvit_{model}_fmnist"
    card = json.loads((folder / "card.json").read_text())
    from harness.models.load_samples import load_samples
    from harness.models.source import resolve

    # Which images come first is the harness's choice; what is made of them is worked out here.
    samples = load_samples(resolve(name=model, bundled=f"efficientvit_{model}"), max_images=IMAGES, seed=0)
    pixels = np.repeat(samples.x, 3, axis=1).astype(np.float32) / np.float32(255)
    shape = (1, 3, 1, 1)
    mean = np.array(card["mean"], np.float32).reshape(shape)
    values = (pixels - mean) / np.array(card["std"], np.float32).reshape(shape)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"input": value[None]})[0] for value in values])
