"""A run's folder that was tampered with, or lost something: judged again, none of it may pass."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.dispatch.arrays import ArrayStore
from harness.errors import Code
from harness.results import Verdict
from tests.lies import tongues
from tests.lies.field import Field, Told
from tests.lies.test_devices import ending

Line = dict[str, Any]
NAMES = ("fp32", "fp16", "w8")


@pytest.fixture(scope="module")
def measured(field: Field) -> Told:
    board = {"greeting": tongues.CLAIMS_ARM, "child": tongues.FORGED_PROBE + tongues.IMITATES_FP16}
    told = field.run({"board": board}, precisions=NAMES)
    assert [told.cell(precision=name).verdict for name in NAMES] == [Verdict.PASS] * 3
    return told


@pytest.fixture
def folder(measured: Told, tmp_path: Path) -> Told:
    """A copy of the run's folder, to be spoilt."""
    shutil.copytree(measured.folder, tmp_path / "out")
    return replace(measured, folder=tmp_path / "out")


def endings(told: Told) -> list[Verdict | Code]:
    again = replace(told, results=told.again())
    return [ending(again.cell(precision=name)) for name in NAMES]


def lines(told: Told) -> list[Line]:
    return [json.loads(line) for line in (told.folder / "journal.jsonl").read_text().splitlines()]


def rewrite(told: Told, change: Callable[[Line], None]) -> None:
    changed = lines(told)
    for line in changed:
        change(line)
    (told.folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))


def evidence(told: Told, precision: str) -> Line:
    (found,) = [
        line["evidence"]
        for line in lines(told)
        if line.get("evidence", {}).get("key", {}).get("precision") == precision
    ]
    return dict(found)


def edit(told: Told, precision: str, **fields: object) -> None:
    """Change what the journal says of a cell."""

    def change(line: Line) -> None:
        if line.get("evidence", {}).get("key", {}).get("precision") == precision:
            line["evidence"].update(fields)

    rewrite(told, change)


def edit_model(told: Told, **fields: object) -> None:
    """Change what the journal says of the model."""

    def change(line: Line) -> None:
        if "snapshot" in line:
            line["snapshot"]["models"][0].update(fields)

    rewrite(told, change)


def model(told: Told) -> Line:
    return dict(lines(told)[0]["snapshot"]["models"][0])


def file_of(told: Told, digest: str) -> Path:
    return told.folder / "evidence" / f"{digest}.npy"


def test_nothing_spoilt(folder: Told) -> None:
    assert endings(folder) == [Verdict.PASS] * 3


def test_outputs_that_are_gone_or_others_under_their_name(folder: Told) -> None:
    file_of(folder, evidence(folder, "fp16")["outputs"]).unlink()
    fp32 = file_of(folder, evidence(folder, "fp32")["outputs"])
    file_of(folder, evidence(folder, "w8")["outputs"]).write_bytes(fp32.read_bytes())
    assert endings(folder) == [Verdict.PASS, Code.EVIDENCE_MISSING, Code.EVIDENCE_MISSING]


def test_a_reference_that_is_gone(folder: Told) -> None:
    file_of(folder, model(folder)["reference"]).unlink()
    assert endings(folder) == [Code.EVIDENCE_MISSING] * 3


def test_a_reference_that_was_never_there(folder: Told) -> None:
    edit_model(folder, reference=None)
    assert endings(folder) == [Code.EVIDENCE_MISSING] * 3


@pytest.mark.parametrize("shape", [(0, 4), (0,), (400, 0)])
def test_a_reference_that_is_empty(folder: Told, shape: tuple[int, ...]) -> None:
    edit_model(folder, reference=ArrayStore(folder.folder).save(np.zeros(shape, np.float32)))
    assert endings(folder) == [Code.EVIDENCE_MISSING] * 3


def test_a_reference_with_fewer_images(folder: Told) -> None:
    store = ArrayStore(folder.folder)
    short = store.load(model(folder)["reference"])[:10]
    edit_model(folder, reference=store.save(short))
    assert Verdict.PASS not in endings(folder)


def test_the_devices_outputs_as_reference(folder: Told) -> None:
    """Whoever takes the device's word for the truth finds no fault; the labels are still there."""
    store = ArrayStore(folder.folder)
    constant = np.zeros((400, 4), np.float32)
    constant[:, 1] = 1
    edit_model(folder, reference=store.save(constant))
    edit(folder, "fp32", outputs=store.save(constant[: evidence(folder, "fp32")["images"]]))
    assert endings(folder)[0] is not Verdict.PASS


def test_labels_that_are_gone(folder: Told) -> None:
    """Without them agreement would be judged, and pass."""
    file_of(folder, model(folder)["labels"]).unlink()
    assert endings(folder) == [Code.EVIDENCE_MISSING] * 3


def test_labels_that_were_never_there(folder: Told) -> None:
    edit_model(folder, labels=None)
    assert endings(folder) == [Code.EVIDENCE_MISSING] * 3


@pytest.mark.parametrize("precision", ["fp16", "w8"])
def test_the_fp32_cells_outputs_in_another_cell(folder: Told, precision: str) -> None:
    found = evidence(folder, "fp32")
    edit(folder, precision, outputs=found["outputs"], images=found["images"])
    assert endings(folder)[0] is Verdict.PASS
    assert replace(folder, results=folder.again()).cell(precision=precision).verdict is Verdict.ERROR


def test_evidence_under_another_cells_name(folder: Told) -> None:
    """The fp32 cell's evidence told once more, as the fp16 cell's."""
    found = {**evidence(folder, "fp32"), "probe": evidence(folder, "fp16")["probe"]}
    edit(folder, "fp16", **{**found, "key": evidence(folder, "fp16")["key"]})
    assert replace(folder, results=folder.again()).cell(precision="fp16").verdict is Verdict.ERROR


def test_a_count_of_images_that_is_not_the_outputs(folder: Told) -> None:
    edit(folder, "fp32", images=evidence(folder, "fp32")["images"] + 1)
    edit(folder, "w8", images=0)
    assert endings(folder) == [Code.EVIDENCE_MISSING, Verdict.PASS, Code.EVIDENCE_MISSING]


def test_a_probe_that_is_gone(folder: Told) -> None:
    """What nobody looked at is not proven, and so no pass of fp16."""
    edit(folder, "fp16", probe=None)
    assert endings(folder)[1] is Verdict.INCONCLUSIVE


def test_times_that_are_negative(folder: Told) -> None:
    edit(folder, "fp32", timing={"first_ms": -1.0, "samples_ms": [1.0] * 6, "output_unchanged": True})
    edit(folder, "w8", timing={"first_ms": 2.0, "samples_ms": [1.0, -0.5] * 3, "output_unchanged": True})
    again = replace(folder, results=folder.again())
    for precision in ("fp32", "w8"):
        cell = again.cell(precision=precision)
        assert (cell.verdict, cell.timing) == (Verdict.PASS, None)
        assert "timing left out" in cell.reason


def test_a_cell_that_was_stopped_after_one_image_is_not_passed(folder: Told) -> None:
    store = ArrayStore(folder.folder)
    found = evidence(folder, "fp16")
    one = store.load(found["outputs"])[:1]
    edit(folder, "fp16", images=1, outputs=store.save(one), stopped_early=True)
    assert endings(folder)[1] is Verdict.INCONCLUSIVE


def test_a_verdict_claimed_to_be_shared_with_another_cell(folder: Told) -> None:
    """`same_as` says why no more was measured; the outputs must bear it out."""
    store = ArrayStore(folder.folder)
    found = evidence(folder, "w8")
    few = store.load(found["outputs"])[:5]
    edit(folder, "w8", images=5, outputs=store.save(few), same_as=evidence(folder, "fp32")["key"])
    assert endings(folder)[2] is Code.OUTPUT_MISMATCH
