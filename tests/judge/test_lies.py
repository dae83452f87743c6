"""Lies told to the comparators: none of them may end in PASS."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import Code
from harness.judge.shapes import Outputs
from harness.results import Verdict

from .builders import FP16_ON_A72, FP16_RUN, FP32_RUN, answers, board, verdict_on

REFERENCE = answers()
TRUTH = REFERENCE.argmax(axis=1)

# The first images of a sorted sample are all of one class: the friendliest ground for a constant answer.
SORTED = answers(200)
SORTED[:, 0] += 20


def shuffled(array: Outputs) -> Outputs:
    return array[np.random.default_rng(1).permutation(len(array))]


WRONG_NUMBERS = {
    "shuffled": shuffled(REFERENCE),
    "shifted by one image": np.roll(REFERENCE, 1, axis=0),
    "shifted by one class": np.roll(REFERENCE, 1, axis=1),
    "negated": -REFERENCE,
    "zeros": np.zeros_like(REFERENCE),
    "ones": np.ones_like(REFERENCE),
    "the first answer for every image": np.tile(REFERENCE[:1], (200, 1)),
    "another cell's": answers(seed=1),
    "NaN in one image": np.where(np.arange(200)[:, None] == 3, np.float32(np.nan), REFERENCE),
    "infinity in one value": np.where(np.arange(2000).reshape(200, 10) == 77, np.float32(np.inf), REFERENCE),
    "all NaN": np.full_like(REFERENCE, np.nan),
}
WRONG_MAKE: dict[str, NDArray[Any]] = {
    "float64": REFERENCE.astype(np.float64),
    "float16": REFERENCE.astype(np.float16),
    "int32": REFERENCE.view(np.int32),
    "one class less": REFERENCE[:, :9],
    "one class more": np.pad(REFERENCE, ((0, 0), (0, 1))),
    "flattened": REFERENCE.ravel(),
    "transposed": np.ascontiguousarray(REFERENCE.T),
    "one axis more": REFERENCE[:, None],
    "more images than there are": np.concatenate([REFERENCE, REFERENCE[:1]]),
}


@pytest.mark.parametrize("labels", [TRUTH, None], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize("lie", WRONG_NUMBERS)
def test_wrong_numbers_fail(lie: str, labels: NDArray[np.int64] | None) -> None:
    assert verdict_on(WRONG_NUMBERS[lie], REFERENCE, labels).verdict is Verdict.FAIL


@pytest.mark.parametrize("labels", [TRUTH, None], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize("lie", WRONG_MAKE)
def test_outputs_of_another_make_are_errors(lie: str, labels: NDArray[np.int64] | None) -> None:
    cell = verdict_on(WRONG_MAKE[lie], REFERENCE, labels)
    assert cell.verdict is Verdict.ERROR
    assert cell.failure is not None
    assert cell.failure.code is Code.OUTPUT_MISMATCH


@pytest.mark.parametrize("labels", [np.zeros(200, np.int64), None], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize(
    "lie",
    [np.zeros_like(SORTED), np.full_like(SORTED, 7), np.tile(SORTED[:1], (200, 1))],
    ids=["zeros", "sevens", "same"],
)
def test_constant_answers_fail_where_all_images_are_of_one_class(
    lie: Outputs, labels: NDArray[np.int64] | None
) -> None:
    assert verdict_on(SORTED, SORTED, labels).verdict is Verdict.PASS
    assert verdict_on(lie, SORTED, labels).verdict is Verdict.FAIL


def test_a_flat_answer_to_a_single_image_fails() -> None:
    assert verdict_on(np.zeros((1, 10), np.float32), SORTED).verdict is Verdict.FAIL


@pytest.mark.parametrize("reference", [None, REFERENCE[:0]], ids=["missing", "empty"])
def test_a_missing_reference_is_an_error(reference: Outputs | None) -> None:
    cell = verdict_on(REFERENCE, reference)
    assert cell.verdict is Verdict.ERROR
    assert cell.failure is not None
    assert cell.failure.code is Code.EVIDENCE_MISSING


def test_a_reference_of_nan_is_an_error() -> None:
    cell = verdict_on(np.full_like(REFERENCE, np.nan), np.full_like(REFERENCE, np.nan))
    assert cell.verdict is Verdict.ERROR


@pytest.mark.parametrize("outputs", [None, REFERENCE[:0]], ids=["missing", "empty"])
def test_missing_outputs_are_an_error(outputs: Outputs | None) -> None:
    assert verdict_on(outputs, REFERENCE, TRUTH).verdict is Verdict.ERROR


def test_labels_shifted_by_one_do_not_pass() -> None:
    """Against wrong labels nobody loses accuracy; the reference's own accuracy gives it away."""
    cell = verdict_on(REFERENCE, REFERENCE, np.roll(TRUTH, 1))
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert "check labels and preprocessing" in cell.reason


def test_fp16_that_silently_ran_fp32_is_not_a_pass_of_fp16() -> None:
    """Perfect numbers, since fp32 ran; on a board without fp16, with fp16, and by a probe that was forged by half."""
    silent = FP32_RUN.model_copy(update={"half_tensors_high": 6, "equals_high": True})
    for probe, isa in ((FP16_ON_A72, ()), (silent, ("fp16",)), (FP16_ON_A72, ("fp16",))):
        cell = verdict_on(REFERENCE, REFERENCE, TRUTH, precision="fp16", probe=probe, device=board(isa=isa))
        assert cell.verdict is Verdict.NA
    forged = FP16_ON_A72.model_copy(update={"session_backend": 13})
    cell = verdict_on(REFERENCE, REFERENCE, TRUTH, precision="fp16", probe=forged)
    assert cell.verdict is Verdict.INCONCLUSIVE


def test_fp32_that_silently_ran_fp16_is_not_a_pass_of_fp32() -> None:
    assert verdict_on(REFERENCE, REFERENCE, TRUTH, probe=FP16_RUN).verdict is Verdict.NA
