"""Metrics against numbers worked out by hand, and against what must hold for any outputs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.judge.metrics import cosine, measure, relative_l2
from harness.judge.shapes import Outputs

from .builders import answers

REFERENCE = np.array([[3, 4, 0], [0, 2, 0], [1, 0, 0], [0, 0, 5]], np.float32)
OUTPUTS = np.array([[3, 4, 0], [0, 0, 2], [1, 1, 0], [0, 3, 4]], np.float32)
LABELS = np.array([1, 2, 0, 2])

logits = arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.floats(-100, 100, width=32))


# Far from the smallest floats, which a factor would turn into zeros.
coarse = arrays(
    np.float32, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.integers(-100, 100).map(float)
)


def refused(code: Code, **arguments: object) -> None:
    with pytest.raises(FarmError) as caught:
        measure(**{"reference": REFERENCE, "outputs": OUTPUTS, **arguments})  # type: ignore[arg-type]
    assert caught.value.problem.code is code


def test_distances_worked_out_by_hand() -> None:
    """Relative L2: 0, sqrt(8)/2, 1, sqrt(10)/5; cosine: 1, 0, 1/sqrt(2), 4/5."""
    found = measure(reference=REFERENCE, outputs=OUTPUTS)
    assert found.relative_l2_median == pytest.approx((math.sqrt(10) / 5 + 1) / 2)
    assert found.cosine_median == pytest.approx((1 / math.sqrt(2) + 0.8) / 2)
    assert (found.cosine_min, found.max_abs, found.images, found.nonfinite) == (0.0, 3.0, 4, 0)
    assert found.top1_agreement == 0.75
    assert (found.top1_accuracy, found.accuracy_drop_points, found.accuracy_drop_interval) == (None, None, None)


def test_accuracy_worked_out_by_hand() -> None:
    """The reference is wrong on the second image only, which the device happens to get right."""
    found = measure(reference=REFERENCE, outputs=OUTPUTS, labels=LABELS)
    assert (found.reference_accuracy, found.top1_accuracy, found.accuracy_drop_points) == (0.75, 1.0, -25.0)
    assert found.accuracy_drop_interval is not None
    assert found.accuracy_drop_interval[0] < -25.0 < found.accuracy_drop_interval[1]


def test_only_the_first_images_count() -> None:
    found = measure(reference=REFERENCE, outputs=OUTPUTS[:2], labels=LABELS)
    assert (found.images, found.top1_agreement, found.reference_accuracy, found.top1_accuracy) == (2, 0.5, 0.5, 1.0)


def test_of_equal_largest_outputs_the_first_counts() -> None:
    reference = np.array([[1, 2]], np.float32)
    assert measure(reference=reference, outputs=np.array([[7, 7]], np.float32)).top1_agreement == 0.0
    assert measure(reference=reference[:, ::-1], outputs=np.array([[7, 7]], np.float32)).top1_agreement == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_non_finite_image_counts_against_the_cell(bad: float) -> None:
    outputs = REFERENCE.copy()
    outputs[3, 0] = bad
    found = measure(reference=REFERENCE, outputs=outputs, labels=np.array([1, 1, 0, 2]))
    assert (found.nonfinite, found.top1_agreement, found.top1_accuracy) == (1, 0.75, 0.75)
    assert found.reference_accuracy == 1.0
    assert (found.max_abs, found.cosine_min) == (math.inf, -math.inf)
    assert (found.relative_l2_median, found.cosine_median) == (0.0, 1.0)


def test_medians_of_mostly_non_finite_images_are_infinite() -> None:
    outputs = np.full_like(REFERENCE, np.nan)
    outputs[0] = REFERENCE[0]
    found = measure(reference=REFERENCE, outputs=outputs)
    assert (found.relative_l2_median, found.cosine_median, found.top1_agreement) == (math.inf, -math.inf, 0.25)


def test_zero_norms() -> None:
    reference = np.array([[0, 0], [0, 0], [3, 4]], np.float64)
    outputs = np.array([[0, 0], [1, 0], [0, 0]], np.float64)
    assert relative_l2(reference=reference, outputs=outputs).tolist() == [0.0, math.inf, 1.0]
    assert cosine(reference=reference, outputs=outputs).tolist() == [1.0, 0.0, 0.0]


def test_cosine_never_leaves_its_range() -> None:
    rows = np.random.default_rng(0).normal(size=(2000, 3))
    found = cosine(reference=rows, outputs=rows * 3.0)
    assert found.max() <= 1.0
    assert cosine(reference=rows, outputs=rows * -3.0).min() >= -1.0


def test_large_values_do_not_overflow() -> None:
    reference = np.array([[3e38, 0], [0, 3e38]], np.float32)
    found = measure(reference=reference, outputs=-reference)
    assert found.cosine_min == -1.0
    assert found.relative_l2_median == pytest.approx(2.0)


def test_missing_or_empty_evidence_is_refused() -> None:
    for name in ("reference", "outputs"):
        refused(Code.EVIDENCE_MISSING, **{name: None})
        refused(Code.EVIDENCE_MISSING, **{name: np.empty((0, 3), np.float32)})


@pytest.mark.parametrize(
    "outputs",
    [
        OUTPUTS.astype(np.float64),
        OUTPUTS.astype(np.float16),
        OUTPUTS.astype(np.int32),
        OUTPUTS.astype(">f4"),
        OUTPUTS[:, :2],
        OUTPUTS[0],
        OUTPUTS[:, :, None, None],
        np.concatenate([OUTPUTS, OUTPUTS]),
    ],
)
def test_another_make_is_refused(outputs: NDArray[np.generic]) -> None:
    refused(Code.OUTPUT_MISMATCH, outputs=outputs)


def test_a_single_class_is_refused() -> None:
    refused(Code.OUTPUT_MISMATCH, reference=REFERENCE[:, :1], outputs=OUTPUTS[:, :1])


def test_a_reference_that_is_not_finite_is_refused() -> None:
    broken = REFERENCE.copy()
    broken[1, 1] = np.nan
    refused(Code.REFERENCE_FAILED, reference=broken)
    assert measure(reference=broken, outputs=OUTPUTS[:1]).images == 1


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (LABELS[:3], Code.OUTPUT_MISMATCH),
        (LABELS.astype(np.float64), Code.OUTPUT_MISMATCH),
        (LABELS[:, None], Code.OUTPUT_MISMATCH),
        (LABELS + 1, Code.BAD_SAMPLES),
        (LABELS - 1, Code.BAD_SAMPLES),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: NDArray[np.generic], code: Code) -> None:
    refused(code, labels=labels)


def test_arguments_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        measure(REFERENCE, OUTPUTS)  # type: ignore[call-arg]


@given(logits)
def test_identical_outputs_are_perfect(outputs: Outputs) -> None:
    found = measure(reference=outputs, outputs=outputs.copy(), labels=outputs.argmax(axis=1))
    assert (found.relative_l2_median, found.max_abs, found.top1_agreement) == (0.0, 0.0, 1.0)
    assert (found.cosine_min, found.accuracy_drop_points, found.top1_accuracy) == (1.0, 0.0, 1.0)


@given(coarse, st.sampled_from([0.25, 0.5, 2.0, 1024.0]))
def test_a_positive_factor_changes_no_direction(outputs: Outputs, factor: float) -> None:
    found = measure(reference=outputs, outputs=(outputs * np.float32(factor)).astype(np.float32))
    expected = 1.0 if not (outputs == 0).all(axis=1).any() else found.cosine_min
    assert found.cosine_min == pytest.approx(expected, abs=1e-6)
    assert found.top1_agreement == 1.0


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_images_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, labels = answers(17, 5, seed), rng.integers(0, 5, 17)
    outputs = reference + rng.normal(size=reference.shape, scale=0.5).astype(np.float32)
    outputs[rng.integers(0, 17), 0] = np.nan
    order = rng.permutation(17)
    found = measure(reference=reference, outputs=outputs, labels=labels)
    assert measure(reference=reference[order], outputs=outputs[order], labels=labels[order]) == found


@given(st.integers(0, 2**32 - 1))
def test_agreement_with_the_labels_bounds_the_drop(seed: int) -> None:
    """An accuracy cannot change on more images than those on which the top-1 changed."""
    rng = np.random.default_rng(seed)
    reference, labels = answers(30, 4, seed), rng.integers(0, 4, 30)
    outputs = reference + rng.normal(size=reference.shape).astype(np.float32)
    found = measure(reference=reference, outputs=outputs, labels=labels)
    assert found.accuracy_drop_points is not None
    assert found.top1_agreement is not None
    assert found.top1_accuracy is not None
    assert found.reference_accuracy is not None
    assert abs(found.accuracy_drop_points) <= 100 * (1 - found.top1_agreement) + 1e-9
    drop = 100 * (found.reference_accuracy - found.top1_accuracy)
    assert found.accuracy_drop_points == pytest.approx(drop)
