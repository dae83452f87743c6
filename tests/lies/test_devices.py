"""Devices that lie: about what they ran, what they ran it on, and what came of it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.errors import Code
from harness.report.write import write_reports
from harness.results import CellResult, Verdict
from tests.lies import tongues
from tests.lies.field import Field, Told

FAIL, ERROR, NA, INCONCLUSIVE, PASS = Verdict.FAIL, Verdict.ERROR, Verdict.NA, Verdict.INCONCLUSIVE, Verdict.PASS

OUTPUTS: dict[str, Verdict | Code] = {
    "classes-permuted": FAIL,
    "images-permuted": FAIL,
    "images-reversed": FAIL,
    "first-batch-again": FAIL,
    "first-image-again": FAIL,
    "negated": FAIL,
    "zeros": FAIL,
    "constant": FAIL,
    "one-class": FAIL,
    "nan-in-one": FAIL,
    "infinity-in-one": FAIL,
    "integers-called-float32": FAIL,
    "an-image-less": Code.OUTPUT_MISMATCH,
    "no-images": Code.PROTOCOL,
    "a-class-less": Code.OUTPUT_MISMATCH,
    "a-class-more": Code.OUTPUT_MISMATCH,
    "transposed": Code.OUTPUT_MISMATCH,
    "an-axis-more": Code.OUTPUT_MISMATCH,
    "float16": Code.OUTPUT_MISMATCH,
    "float64": Code.OUTPUT_MISMATCH,
    "integers": Code.OUTPUT_MISMATCH,
    "float64-called-float32": Code.OUTPUT_MISMATCH,
    "cut-short": Code.OUTPUT_MISMATCH,
    "another-name": Code.OUTPUT_MISMATCH,
    "no-name": Code.OUTPUT_MISMATCH,
    "nothing": Code.PROTOCOL,
}

DEVICES = {
    "honest": {"greeting": tongues.CLAIMS_ARM, "child": tongues.FORGED_PROBE + tongues.IMITATES_FP16},
    "runs-fp32": {"greeting": tongues.CLAIMS_ARM, "child": tongues.ARM_PROBE + tongues.RUNS_FP32},
    "half-forged": {"greeting": tongues.CLAIMS_ARM, "child": tongues.RUNS_FP32},
    "forged": {"greeting": tongues.CLAIMS_ARM, "child": tongues.FORGED_PROBE + tongues.RUNS_FP32},
    "replays": {"greeting": tongues.CLAIMS_ARM, "child": tongues.FORGED_PROBE + tongues.ANSWERS_OF_THE_FIRST_CELL},
    "first-order": {
        "greeting": tongues.CLAIMS_ARM,
        "child": tongues.FORGED_PROBE + tongues.IMITATES_FP16,
        "cell_process": tongues.FIRST_ORDER_FOR_ALL,
    },
    "first-batch": {"cell_process": tongues.FIRST_BATCH_FOR_ALL},
    "stale-model": {
        "greeting": tongues.CLAIMS_ARM,
        "child": tongues.FORGED_PROBE + tongues.IMITATES_FP16,
        "cells": tongues.ONE_MODEL_FOR_ALL,
    },
    "backward-clock": {"inference": tongues.BACKWARD_CLOCK},
    "standing-clock": {"inference": tongues.STANDING_CLOCK},
}


@pytest.fixture(scope="module")
def liar(field: Field) -> Told:
    """One device that tells another lie about its outputs in each cell."""
    precisions = ["fp32", *({"name": name} for name in OUTPUTS)]
    return field.run({"board": {"child": tongues.ANSWERS}}, precisions=precisions)


@pytest.fixture(scope="module")
def fleet(field: Field) -> Told:
    """Devices that lie about what they ran, or about the time."""
    return field.run(DEVICES, precisions=["fp32", "fp16", "w8"])


def ending(cell: CellResult) -> Verdict | Code:
    """Return the verdict, or the code of an ERROR."""
    return cell.failure.code if cell.failure else cell.verdict


@pytest.mark.parametrize("lie", OUTPUTS)
def test_outputs(liar: Told, lie: str) -> None:
    assert ending(liar.cell(precision=lie)) == OUTPUTS[lie], liar.cell(precision=lie)


WRONG = [name for name, end in OUTPUTS.items() if end is FAIL]


@pytest.mark.parametrize("thresholds", [{"accuracy_drop_points": 95}, {"accuracy_drop_points": 99.9}])
def test_a_threshold_that_allows_everything_passes_nobody(field: Field, thresholds: dict[str, float]) -> None:
    """The reference is right on 90 % of the images: whatever a device answers, it cannot lose 95 points."""
    precisions = ["fp32", *({"name": name} for name in WRONG)]
    told = field.run({"board": {"child": tongues.ANSWERS}}, precisions=precisions, thresholds=thresholds)
    cells = {name: told.cell(precision=name) for name in ("fp32", *WRONG)}
    assert {cell.verdict for cell in cells.values()} == {FAIL, INCONCLUSIVE}
    for name in ("fp32", "classes-permuted", "images-permuted", "negated"):
        assert cells[name].verdict is INCONCLUSIVE
        assert "points may be lost, and there are no more than" in cells[name].reason


def test_agreement_that_guesses_would_reach_passes_nobody(field: Field, tmp_path: Path) -> None:
    """Four classes: images in another order agree on a quarter or more, and so would any guess."""
    with np.load(field.samples) as given:
        np.savez(tmp_path / "samples.npz", x=given["x"])
    precisions = ["fp32", {"name": "images-permuted"}]
    told = field.run(
        {"board": {"child": tongues.ANSWERS}},
        precisions=precisions,
        samples=tmp_path / "samples.npz",
        thresholds={"agreement": 0.1},
    )
    for name in ("fp32", "images-permuted"):
        assert told.cell(precision=name).verdict is INCONCLUSIVE
        assert "10 % of agreement are asked, and guessing would agree on" in told.cell(precision=name).reason


def test_the_liar_speaks_the_truth_in_the_cell_between(liar: Told) -> None:
    assert liar.cell(precision="fp32").verdict is PASS


def test_every_lie_about_outputs_is_told() -> None:
    names: dict[str, dict[str, object]] = {}
    exec(tongues.ANSWERS.partition("_honest_infer")[0], names)
    assert set(names["LIES"]) == set(OUTPUTS)


def test_a_board_whose_fp16_looks_like_fp16_passes(fleet: Told) -> None:
    """Else the following would show nothing: proofs for fp16, and outputs that are not fp32's to the bit."""
    assert [fleet.cell("honest", precision).verdict for precision in ("fp32", "fp16", "w8")] == [PASS] * 3


def test_fp32_that_ran_for_fp16_with_honest_proofs(fleet: Told) -> None:
    cell = fleet.cell("runs-fp32", "fp16")
    assert cell.verdict is NA
    assert cell.effective is not None
    assert cell.effective.in_effect is False


def test_fp32_that_ran_for_fp16_with_one_forged_proof(fleet: Told) -> None:
    assert fleet.cell("half-forged", "fp16").verdict in (NA, INCONCLUSIVE, ERROR)


def test_fp32_that_ran_for_fp16_with_every_proof_forged(fleet: Told) -> None:
    """Nothing but the outputs gives it away: they are the fp32 cell's, to the bit."""
    assert fleet.cell("forged", "fp32").verdict is PASS
    assert fleet.cell("forged", "fp16").verdict in (ERROR, NA)


@pytest.mark.parametrize("precision", ["fp16", "w8"])
def test_another_cells_answers(fleet: Told, precision: str) -> None:
    assert fleet.cell("replays", precision).verdict in (ERROR, NA)


@pytest.mark.parametrize("precision", ["fp16", "w8"])
def test_requests_that_reach_another_cell(fleet: Told, precision: str) -> None:
    assert fleet.cell("first-order", "fp32").verdict is PASS
    assert ending(fleet.cell("first-order", precision)) == Code.PROTOCOL


def test_requests_about_another_batch(fleet: Told) -> None:
    assert ending(fleet.cell("first-batch")) == Code.PROTOCOL


def test_a_file_of_the_devices_own_choice(fleet: Told) -> None:
    """The w8 cell was given the fp32 file: equal to the fp32 cell to the bit."""
    assert fleet.cell("stale-model", "fp32").verdict is PASS
    assert fleet.cell("stale-model", "w8").verdict is ERROR


@pytest.mark.parametrize("device", ["backward-clock", "standing-clock"])
def test_clocks_that_run_backwards_or_stand(fleet: Told, device: str) -> None:
    """The verdict does not hang on the clock; times that are none are left out, and said to be."""
    cell = fleet.cell(device, "fp32")
    assert cell.verdict is PASS
    assert cell.timing is None
    assert "timing left out: the device's clock" in cell.reason


def test_no_report_shows_a_negative_time(fleet: Told) -> None:
    write_reports(fleet.results, fleet.folder)
    cells = json.loads((fleet.folder / "results.json").read_text())["cells"]
    timed = [(cell["device"], cell["timing"]) for cell in cells]
    assert {name for name, timing in timed if timing is None} >= {"backward-clock", "standing-clock"}
    for _, timing in timed:
        assert timing is None or min(v for k, v in timing.items() if k.endswith("_ms")) >= 0
    page = (fleet.folder / "report.md").read_text()
    assert not re.search(r"-\d+(\.\d+)? ms|\| *-\d", page)
