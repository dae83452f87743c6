"""One cell at a time: every rule, and the order in which they hold."""

from dataclasses import replace

import numpy as np
import pytest

from harness.errors import Code, Problem
from harness.evidence import Failure
from harness.judge.run import judge
from harness.results import Cause, CellResult, Status, Thresholds, Verdict

from .builders import (
    FP16_ON_A72,
    FP16_RUN,
    FP32_RUN,
    answers,
    board,
    evidence,
    key,
    model,
    stored,
    timed,
    verdict_on,
)

REFERENCE = answers()
LABELS = REFERENCE.argmax(axis=1)


def flipped(images: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The reference with the top-1 of the first images moved to the next class."""
    outputs = REFERENCE.copy()
    outputs[:images] = np.roll(outputs[:images], 1, axis=1)
    return outputs


def spread(images: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The same for images that lie evenly among all."""
    outputs = REFERENCE.copy()
    chosen = np.linspace(0, len(outputs) - 1, images).astype(int)
    outputs[chosen] = np.roll(outputs[chosen], 1, axis=1)
    return outputs


def judged(**changes: object) -> CellResult:
    found = evidence(REFERENCE).model_copy(update=changes)
    return judge(stored(found, REFERENCE, model(REFERENCE, LABELS))).cells[0]


def code(cell: CellResult) -> Code | None:
    return cell.failure.code if cell.failure else None


def test_identical_outputs_pass() -> None:
    cell = verdict_on(REFERENCE, REFERENCE, LABELS)
    assert (cell.verdict, cell.status, cell.cause, cell.reason) == (Verdict.PASS, Status.MEASURED, None, "")


@pytest.mark.parametrize(
    ("images", "verdict"),
    [(0, Verdict.PASS), (4, Verdict.INCONCLUSIVE), (7, Verdict.INCONCLUSIVE), (50, Verdict.FAIL)],
)
def test_accuracy_decides_where_there_are_labels(images: int, verdict: Verdict) -> None:
    """Of 200 images none lost is enough for two points; 4 and 7 are too near to them, 50 are not."""
    cell = verdict_on(flipped(images), REFERENCE, LABELS)
    assert (cell.verdict, cell.cause) == (verdict, None)
    assert ("2 are allowed" in cell.reason) is (verdict is not Verdict.PASS)
    assert cell.certainty is not None
    assert (cell.certainty.decided_at is None) is (verdict is Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("images", "verdict"),
    [(0, Verdict.PASS), (6, Verdict.INCONCLUSIVE), (9, Verdict.INCONCLUSIVE), (50, Verdict.FAIL)],
)
def test_agreement_decides_without_labels(images: int, verdict: Verdict) -> None:
    cell = verdict_on(spread(images), REFERENCE)
    assert cell.verdict is verdict
    assert ("97 % are asked" in cell.reason) is (verdict is not Verdict.PASS)


def test_a_pass_says_when_it_was_certain() -> None:
    """0.98 to the power of 150 is 0.048, of 175 it is 0.029; four fifths of 0.05 are spent on lost images."""
    cell = verdict_on(REFERENCE, REFERENCE, LABELS)
    assert cell.certainty is not None
    assert (cell.certainty.decided_at, cell.certainty.images_needed) == (175, None)


def test_flips_of_images_that_were_wrong_anyway_cost_nothing() -> None:
    labels = np.roll(LABELS, 0)
    labels[:50] = (LABELS[:50] + 5) % 10
    cell = verdict_on(flipped(50), REFERENCE, labels)
    assert cell.metrics is not None
    assert (cell.verdict, cell.metrics.accuracy_drop_points, cell.metrics.top1_agreement) == (Verdict.PASS, 0.0, 0.75)
    assert len(cell.flips) == 50


def test_thresholds_are_those_of_the_run() -> None:
    run = stored(evidence(spread(24)), spread(24), model(REFERENCE, LABELS))
    relaxed = replace(run, thresholds=Thresholds(accuracy_drop_points=30))
    assert [judge(one).cells[0].verdict for one in (run, relaxed)] == [Verdict.FAIL, Verdict.PASS]


def test_a_failure_is_an_error_with_its_blame() -> None:
    failure = Failure.of(Problem(Code.OUT_OF_MEMORY, "killed at 512 MB"))
    cell = judged(failure=failure, images=0, outputs=None)
    assert (cell.status, cell.verdict, cell.failure, cell.reason) == (
        Status.ERROR,
        Verdict.ERROR,
        failure,
        "killed at 512 MB",
    )
    assert judged(failure=failure).verdict is Verdict.ERROR, "outputs beside a failure do not undo it"


def test_unsupported_is_not_applicable_with_its_reason() -> None:
    cell = judged(unsupported="no wheel", images=0, outputs=None)
    assert (cell.status, cell.verdict, cell.reason) == (Status.UNSUPPORTED, Verdict.NA, "no wheel")


def test_a_precision_that_was_not_in_effect_is_not_applicable() -> None:
    cell = verdict_on(REFERENCE[:1], REFERENCE, LABELS, precision="fp16", probe=FP16_ON_A72, device=board(isa=()))
    assert (cell.status, cell.verdict) == (Status.MEASURED, Verdict.NA)
    assert cell.reason.startswith("ran as fp32: fp16 was not in effect")


def test_a_proven_precision_is_judged() -> None:
    assert verdict_on(REFERENCE, REFERENCE, LABELS, precision="fp16", probe=FP16_RUN).verdict is Verdict.PASS
    assert verdict_on(flipped(9), REFERENCE, LABELS, precision="fp16", probe=FP16_RUN).verdict is Verdict.FAIL


@pytest.mark.parametrize("precision", ["fp16", "bf16", "fp16-full", "fp16-weights", "w8", "w8-lowmem", "int8"])
@pytest.mark.parametrize("images", [0, 4, 7])
def test_an_unproven_precision_never_passes(precision: str, images: int) -> None:
    cell = verdict_on(flipped(images), REFERENCE, LABELS, precision=precision, probe=None)
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert "not proven" in cell.reason


@pytest.mark.parametrize("precision", ["fp16", "bf16", "fp16-full", "fp16-weights", "w8", "w8-lowmem", "int8"])
@pytest.mark.parametrize("labels", [LABELS, None], ids=["labelled", "unlabelled"])
def test_a_certain_loss_is_one_whatever_ran(
    precision: str, labels: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> None:
    """Who asks this device for this precision gets these answers; 150 of 200 images are lost."""
    cell = verdict_on(flipped(150), REFERENCE, labels, precision=precision, probe=None)
    assert cell.verdict is Verdict.FAIL
    assert cell.reason.endswith("; what ran is not proven: what ran was not probed")
    assert cell.certainty is not None
    assert cell.certainty.decided_at is not None
    proven = verdict_on(flipped(150), REFERENCE, labels, probe=None)
    assert cell.reason.startswith(proven.reason)
    assert cell.certainty == proven.certainty


def test_answers_that_are_none_fail_whatever_ran() -> None:
    cell = verdict_on(np.zeros_like(REFERENCE), REFERENCE, LABELS, precision="w8", probe=None)
    assert cell.verdict is Verdict.FAIL
    assert cell.reason.startswith("every class has the same output")


@pytest.mark.parametrize(("precision", "words"), [("fp32", "stopped after one sample"), ("fp16", "not proven")])
def test_one_sample_decides_nothing_even_where_it_is_lost(precision: str, words: str) -> None:
    outputs = np.zeros((1, 10), np.float32)
    found = evidence(outputs, precision, None).model_copy(update={"stopped_early": True})
    cell = judge(stored(found, outputs, model(REFERENCE, LABELS))).cells[0]
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert words in cell.reason


def test_plain_fp32_is_judged_without_a_probe() -> None:
    assert verdict_on(REFERENCE, REFERENCE, LABELS, probe=None).verdict is Verdict.PASS


def test_non_finite_outputs_fail_at_once() -> None:
    outputs = REFERENCE.copy()
    outputs[7, 3] = np.nan
    for precision, probe in (("fp32", FP32_RUN), ("fp16", FP16_RUN), ("fp16", None)):
        cell = verdict_on(outputs, REFERENCE, LABELS, precision=precision, probe=probe)
        assert (cell.verdict, cell.cause) == (Verdict.FAIL, Cause.NON_FINITE)
        assert "1 of 200" in cell.reason


def test_non_finite_outputs_of_another_precision_are_mentioned() -> None:
    outputs = np.full((1, 10), np.nan, np.float32)
    cell = verdict_on(outputs, REFERENCE, LABELS, precision="fp16", probe=FP16_ON_A72, device=board(isa=()))
    assert (cell.verdict, cell.cause) == (Verdict.NA, None)
    assert "not finite" in cell.reason


def test_no_evidence_is_pending_not_passed() -> None:
    cell = judge(stored(None, None, model(REFERENCE, LABELS))).cells[0]
    assert (cell.status, cell.verdict, code(cell)) == (Status.PENDING, Verdict.ERROR, Code.INTERRUPTED)


def test_no_evidence_of_a_broken_device_takes_its_failure() -> None:
    failure = Failure.of(Problem(Code.HOST_KEY_CHANGED, "another key"))
    device = board()
    assert device.evidence is not None
    broken = board(evidence=device.evidence.model_copy(update={"failure": failure}))
    cell = judge(stored(None, None, model(REFERENCE), broken)).cells[0]
    assert (cell.status, cell.verdict, code(cell)) == (Status.ERROR, Verdict.ERROR, Code.HOST_KEY_CHANGED)


def test_output_that_changed_while_timing_is_an_error() -> None:
    cell = judged(timing=timed(10, 10, unchanged=False))
    assert (cell.verdict, code(cell)) == (Verdict.ERROR, Code.INFERENCE_FAILED)
    assert "changed while timing" in cell.reason


def test_a_clock_that_runs_backwards_costs_the_timing_only() -> None:
    cell = judged(timing=timed(10, -3))
    assert (cell.verdict, cell.timing) == (Verdict.PASS, None)
    assert "timing left out" in cell.reason


def test_timing_is_that_of_the_device() -> None:
    found = evidence(REFERENCE).model_copy(update={"timing": timed(*[10] * 10)})
    cell = judge(stored(found, REFERENCE, model(REFERENCE, LABELS), board(emulated=True))).cells[0]
    assert cell.timing is not None
    assert (cell.timing.emulated, cell.timing.stable) == (True, True)


def test_one_sample_of_a_precision_that_may_have_run_decides_nothing() -> None:
    assert judged(stopped_early=True).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"outputs": None}, Code.EVIDENCE_MISSING),
        ({"outputs": "1" * 64}, Code.EVIDENCE_MISSING),
        ({"images": 0}, Code.EVIDENCE_MISSING),
        ({"images": 199}, Code.EVIDENCE_MISSING),
        ({"key": key("fp16")}, Code.EVIDENCE_MISSING),
    ],
)
def test_evidence_that_is_not_there_is_an_error(changes: dict[str, object], expected: Code) -> None:
    found = evidence(REFERENCE).model_copy(update=changes)
    cell = judge(stored(found, REFERENCE, model(REFERENCE, LABELS), planned=key())).cells[0]
    assert (cell.status, cell.verdict, code(cell)) == (Status.ERROR, Verdict.ERROR, expected)


def test_outputs_of_another_name_are_an_error() -> None:
    found = evidence(REFERENCE).model_copy(update={"output_name": "features"})
    cell = judge(stored(found, REFERENCE, model(REFERENCE, LABELS, output_name="logits"))).cells[0]
    assert (cell.verdict, code(cell)) == (Verdict.ERROR, Code.OUTPUT_MISMATCH)
    same = judge(stored(found, REFERENCE, model(REFERENCE, LABELS, output_name="features"))).cells[0]
    assert same.verdict is Verdict.PASS


def test_labels_that_went_missing_are_an_error() -> None:
    announced = model(REFERENCE, LABELS)
    lost = model(REFERENCE, result=announced.result)
    cell = judge(stored(evidence(REFERENCE), REFERENCE, lost)).cells[0]
    assert (cell.verdict, code(cell)) == (Verdict.ERROR, Code.EVIDENCE_MISSING)


def test_a_model_without_a_reference_is_an_error_for_every_cell() -> None:
    failure = Failure.of(Problem(Code.REFERENCE_FAILED, "onnxruntime refused"))
    cell = judge(stored(evidence(REFERENCE), REFERENCE, model(None, failure=failure))).cells[0]
    assert (cell.verdict, code(cell)) == (Verdict.ERROR, Code.REFERENCE_FAILED)
