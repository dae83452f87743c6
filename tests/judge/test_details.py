"""What a result carries beside its verdict, and cases at the edge: what no other test would notice if it changed."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import Code
from harness.evidence import CellEvidence, DeviceEvidence, Failure, Operator, Probe
from harness.judge.effective import effective
from harness.judge.inversion import agreement_interval, drop_interval
from harness.judge.metrics import cosine, measure, relative_l2
from harness.judge.readings import Values, half_share, values
from harness.judge.run import device_result, judge
from harness.judge.stored import DeviceRecord
from harness.precision import CATALOGUE, Backend, Precision
from harness.results import CellResult, Thresholds, Verdict

from .builders import (
    A64FX_LOW_MEMORY,
    FP16_ON_A72,
    FP16_RUN,
    FP32_RUN,
    LOW_MEMORY_RUN,
    SHA,
    answers,
    board,
    evidence,
    key,
    model,
    stored,
    verdict_on,
)

REFERENCE = answers()
TRUTH = REFERENCE.argmax(axis=1)
ISA = ("fp16", "dot")
BUSY = Failure(code=Code.DEVICE_BUSY, message="held by somebody", advice="wait")


def judged(found: CellEvidence, **changes: object) -> CellResult:
    return judge(replace(stored(found, REFERENCE, model(REFERENCE, TRUTH)), **changes)).cells[0]  # type: ignore[arg-type]


def test_a_measured_cell_says_what_ran_and_which_file() -> None:
    cell = judged(evidence(REFERENCE).model_copy(update={"variant": "f" * 64}))
    assert cell.variant == "f" * 64
    assert cell.effective is not None
    assert (cell.effective.compute, cell.effective.weights) == ("fp32", "float32")


def test_a_failed_cell_says_which_file() -> None:
    told = CellEvidence(key=key(), failure=BUSY, variant="f" * 64)
    assert judged(told).variant == "f" * 64
    assert judged(told).failure == BUSY
    gone = evidence(REFERENCE).model_copy(update={"variant": "e" * 64, "images": 7})
    assert (judged(gone).verdict, judged(gone).variant) == (Verdict.ERROR, "e" * 64)


def test_a_failure_without_words_has_its_code_as_reason() -> None:
    silent = Failure(code=Code.OUT_OF_MEMORY, message="", advice="")
    assert judged(CellEvidence(key=key(), failure=silent)).reason == "out-of-memory"


def test_images_without_outputs_are_missing_evidence() -> None:
    cell = judged(CellEvidence(key=key(), images=5, probe=FP32_RUN))
    assert cell.failure is not None
    assert (cell.failure.code, cell.reason) == (Code.EVIDENCE_MISSING, "no outputs were kept")


def test_a_models_failure_keeps_its_advice() -> None:
    lost = Failure(code=Code.REFERENCE_FAILED, message="no reference", advice="repair it")
    run = stored(evidence(REFERENCE), REFERENCE, model(None, failure=lost))
    assert judge(run).cells[0].failure == lost


@pytest.mark.parametrize("labels", [TRUTH, None], ids=["labelled", "unlabelled"])
def test_intervals_are_those_of_looks_thresholds_and_confidence(labels: NDArray[np.int64] | None) -> None:
    """10 of 200 are lost, looked at after 60, 120, 180 and 200; with labels agreement is that of all 200."""
    outputs = REFERENCE.copy()
    outputs[:200:20] = np.roll(REFERENCE[:200:20], 1, axis=1)
    lost = np.arange(200) % 20 == 0
    for confidence, points, agreement in ((0.8, 3.0, 0.9), (0.99, 12.0, 0.97)):
        run = replace(
            stored(evidence(outputs), outputs, model(REFERENCE, labels)),
            confidence=confidence,
            batch=60,
            thresholds=Thresholds(accuracy_drop_points=points, agreement=agreement),
        )
        metrics = judge(run).cells[0].metrics
        assert metrics is not None
        asked = {"looks": (60, 120, 180, 200), "confidence": confidence}
        assert metrics.agreement_interval == agreement_interval(
            agrees=~lost,
            threshold=agreement,
            judged=labels is None,
            **asked,  # type: ignore[arg-type]
        )
        drop = drop_interval(
            lost=lost,
            gained=np.zeros(200, np.bool_),
            allowed_points=points,
            **asked,  # type: ignore[arg-type]
        )
        assert metrics.accuracy_drop_interval == (None if labels is None else drop)


def test_looks_that_do_not_rise_are_no_evidence() -> None:
    for looks in ((40, 20), (20, 20)):
        found = evidence(REFERENCE).model_copy(update={"looks": looks})
        cell = judge(stored(found, REFERENCE, model(REFERENCE, TRUTH))).cells[0]
        assert cell.failure is not None
        assert (cell.failure.code, cell.reason) == (Code.EVIDENCE_MISSING, "the looks on record do not rise")


def test_without_labels_there_is_no_interval_of_accuracy() -> None:
    metrics = measure(reference=REFERENCE, outputs=REFERENCE)
    assert metrics.accuracy_drop_interval is None
    assert metrics.agreement_interval is not None


def test_rows_of_zeros_are_no_division_by_zero() -> None:
    zeros, ones = np.zeros((1, 3)), np.ones((1, 3))
    with np.errstate(all="raise"):
        assert relative_l2(reference=zeros, outputs=zeros).tolist() == [0.0]
        assert relative_l2(reference=zeros, outputs=ones).tolist() == [np.inf]
        assert cosine(reference=zeros, outputs=zeros).tolist() == [1.0]
        assert cosine(reference=zeros, outputs=ones).tolist() == [0.0]


@pytest.mark.parametrize("images", [2, 3])
def test_the_same_answer_to_each_of_few_images_fails(images: int) -> None:
    """Both images are of class 0 for the reference, and for the answer that is given twice."""
    reference = answers(images)
    reference[:, 0] += 20
    cell = verdict_on(np.tile(reference[:1], (images, 1)), reference)
    assert (cell.verdict, cell.reason) == (Verdict.FAIL, "every image has the same output")


def test_outputs_without_a_top_1_are_told() -> None:
    cell = verdict_on(np.zeros_like(REFERENCE), REFERENCE)
    assert cell.reason == "every class has the same output: there is no top-1"


def test_no_pass_against_a_reference_that_favours_one_class() -> None:
    """Right on 120 of 200, as 120 of 200 are of the class that it always names; the device does the same."""
    labels = np.array([0] * 120 + [1] * 80, np.int64)
    reference = answers(classes=10)
    reference[:, 0] += 20
    cell = verdict_on(reference, reference, labels)
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert "right on 120 of 200 images" in cell.reason
    assert "check labels and preprocessing" in cell.reason


def test_a_loss_is_a_loss_whatever_the_reference_knows() -> None:
    """The reference is right by chance only, and the device on nothing at all."""
    labels = np.array([0] * 120 + [1] * 80, np.int64)
    reference, outputs = answers(), answers()
    reference[:, 0] += 20
    outputs[:, 2] += 20
    assert verdict_on(outputs, reference, labels).verdict is Verdict.FAIL


def test_a_precision_that_did_not_run_is_not_called_broken() -> None:
    cell = verdict_on(REFERENCE[:1], REFERENCE, TRUTH, precision="fp16", probe=FP16_ON_A72, device=board(isa=()))
    assert cell.verdict is Verdict.NA
    assert "not finite" not in cell.reason
    broken = verdict_on(
        np.full_like(REFERENCE[:1], np.nan),
        REFERENCE,
        TRUTH,
        precision="fp16",
        probe=FP16_ON_A72,
        device=board(isa=()),
    )
    assert "1 of 1 images have outputs that are not finite" in broken.reason


@pytest.mark.parametrize(
    ("name", "probe"),
    [
        ("fp16", None),
        ("fp16", FP16_ON_A72),
        ("bf16", FP16_RUN),
        ("fp32", FP16_RUN),
        ("w8-lowmem", FP16_RUN),
        ("w8-lowmem", LOW_MEMORY_RUN.model_copy(update={"equals_high": True})),
        ("fp16", A64FX_LOW_MEMORY),
    ],
)
def test_what_is_not_in_effect_or_not_proven_has_a_note(name: str, probe: Probe | None) -> None:
    found = effective(CATALOGUE[name], probe, ISA, "aarch64")
    assert found.in_effect is not True
    assert found.note


@pytest.mark.parametrize("seen", [0, 3])
def test_a_backend_that_cannot_be_proven_has_a_note(seen: int) -> None:
    probe = FP32_RUN.model_copy(update={"session_backend": seen})
    found = effective(Precision("gpu", backend=Backend.OPENCL), probe, ISA, "aarch64")
    assert found.in_effect is not True
    assert found.note


def test_the_share_of_half_values_without_multiply_adds() -> None:
    probe = Probe(session_equals_module=True, tensors=8, half_tensors=6)
    assert half_share(probe) == 0.75
    assert half_share(Probe()) == 0.0
    assert values(Probe(session_equals_module=True, tensors=1, half_tensors=1)) is Values.HALF
    assert values(Probe(session_equals_module=True, tensors=1, half_tensors=0)) is Values.FULL
    assert values(Probe(session_equals_module=True)) is None


def test_a_device_is_shown_as_it_described_itself() -> None:
    told = DeviceEvidence(name="board", facts={"machine": "aarch64"}, sent_bytes=7, failure=BUSY)
    record = DeviceRecord("board", "phone", True, {"soc": "x"}, told)
    shown = device_result(record)
    assert (shown.kind, shown.emulated, shown.labels, shown.failure) == ("phone", True, {"soc": "x"}, BUSY)
    assert (shown.sent_bytes, shown.fingerprint) == (7, {"machine": "aarch64"})
    engine: dict[str, dict[str, object]] = {"3.6.1": {"numpy": "2"}}
    only_engine = device_result(DeviceRecord("board", evidence=DeviceEvidence(name="board", engines=engine)))
    assert only_engine.fingerprint == {"engine": "3.6.1", "engines": engine}
    unknown = device_result(DeviceRecord("board"))
    assert (unknown.sent_bytes, unknown.fingerprint, unknown.failure) == (0, {}, None)


def test_a_run_keeps_its_counts_and_versions() -> None:
    run = stored(evidence(REFERENCE), REFERENCE, model(REFERENCE, TRUTH))
    found = judge(replace(run, counts={"bytes_sent": 3}, versions={"numpy": "2"}))
    assert (found.counts, found.versions) == ({"bytes_sent": 3}, {"numpy": "2"})
    assert found.models[0].sha256 == SHA


def test_a_cell_that_was_not_reached_has_no_failure_of_its_own() -> None:
    run = stored(None, None, model(REFERENCE, TRUTH), device=DeviceRecord("board"))
    assert judge(run).cells[0].failure is not None
    assert judge(run).cells[0].status.value == "pending"


def test_fp32_says_how_much_of_it_ran_as_asked() -> None:
    quarter = FP32_RUN.model_copy(update={"half_flops_share": 0.0625, "half_tensors": 5})
    for probe, share in (
        (FP32_RUN, 1.0),
        (quarter, 0.9375),
        (FP16_RUN.model_copy(update={"half_tensors_high": 0}), 0.0),
    ):
        assert effective(CATALOGUE["fp32"], probe, ISA, "aarch64").share == pytest.approx(share)
    assert effective(CATALOGUE["fp16"], FP16_ON_A72, (), "aarch64").share == 0.0


def test_operators_that_fell_back_are_kept_where_the_rest_settles_it() -> None:
    small = Operator(name="head", type="Convolution", share=0.04)
    probe = FP16_RUN.model_copy(update={"half_flops_share": 0.96, "full_operators": (small,)})
    found = effective(CATALOGUE["fp16"], probe, ISA, "aarch64")
    assert (found.in_effect, found.share, found.fallbacks) == (True, 0.96, (small,))
