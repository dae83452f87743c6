"""The parts of a loss: each measured by itself, and the rule that names the dominant one."""

from dataclasses import replace

import numpy as np
import pytest

from harness.judge.run import judge
from harness.judge.shapes import Outputs
from harness.judge.split import PLAIN, Yardsticks, split
from harness.precision import CATALOGUE, Memory, Weights
from harness.results import Cause, LossPart, LossSplit, Peers, Verdict

from .builders import FP16_RUN, answers, evidence, model, stored

REFERENCE = answers(40)
LABELS = REFERENCE.argmax(axis=1)
W8 = (Weights(bits=8), Memory.NORMAL)


def moved(base: Outputs, share: float) -> Outputs:
    """Outputs at a relative L2 of `share` from the base: the same direction, longer."""
    return (base * np.float32(1.0 + share)).astype(np.float32)


def flipped(base: Outputs, images: int) -> Outputs:
    outputs = base.copy()
    outputs[:images] = np.roll(outputs[:images], 1, axis=1)
    return outputs


def found(
    outputs: Outputs, by: Yardsticks, precision: str = "fp32", peers: Peers | None = None, device: str = "board"
) -> LossSplit:
    return split(outputs=outputs, by=by, precision=CATALOGUE[precision], peers=peers, device=device)


def test_each_part_is_measured_from_where_it_begins() -> None:
    plain, own = moved(REFERENCE, 0.01), moved(REFERENCE, 0.5)
    by = Yardsticks(REFERENCE, {PLAIN: plain, W8: own}, labels=LABELS)
    result = found(moved(own, 0.02), by, "w8")
    assert result.conversion is not None
    assert result.quantisation is not None
    assert result.arithmetic is not None
    assert result.conversion.relative_l2_median == pytest.approx(0.01, rel=1e-4)
    assert result.quantisation.relative_l2_median == pytest.approx(0.49 / 1.01, rel=1e-4)
    assert result.arithmetic.relative_l2_median == pytest.approx(0.02, rel=1e-4)
    assert (result.dominant, result.device, result.floor) == (Cause.QUANTISATION, None, None)


def test_flips_and_points_of_a_part() -> None:
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, labels=LABELS)
    result = found(flipped(REFERENCE, 4), by)
    assert result.arithmetic is not None
    assert (result.arithmetic.images, result.arithmetic.flips, result.arithmetic.drop_points) == (40, 4, 10.0)
    assert result.conversion == LossPart(images=40, relative_l2_median=0.0, flips=0, drop_points=0.0)
    assert result.dominant is Cause.ARITHMETIC


def test_without_labels_there_are_no_points() -> None:
    result = found(REFERENCE, Yardsticks(REFERENCE, {PLAIN: REFERENCE}))
    assert result.arithmetic is not None
    assert result.arithmetic.drop_points is None


def test_a_cell_that_loses_nothing_has_no_cause() -> None:
    by = Yardsticks(REFERENCE, {PLAIN: moved(REFERENCE, 1e-6)})
    assert found(moved(REFERENCE, 9e-4), by).dominant is None
    assert found(moved(REFERENCE, 2e-3), by).dominant is Cause.ARITHMETIC


def test_conversion_may_be_to_blame() -> None:
    assert found(moved(REFERENCE, 0.3), Yardsticks(REFERENCE, {PLAIN: moved(REFERENCE, 0.3)})).dominant is (
        Cause.CONVERSION
    )


def test_what_is_missing_is_not_measured() -> None:
    result = found(moved(REFERENCE, 0.3), Yardsticks(REFERENCE, {}), "w8")
    assert result == LossSplit()


def test_only_the_images_of_the_cell_count() -> None:
    broken = flipped(REFERENCE, 40)
    broken[:10] = REFERENCE[:10]
    result = found(REFERENCE[:10], Yardsticks(REFERENCE, {PLAIN: broken}))
    assert result.conversion is not None
    assert (result.conversion.images, result.conversion.flips) == (10, 0)


def test_numbers_that_are_not_finite_are_infinitely_far() -> None:
    broken = REFERENCE.copy()
    broken[:, 0] = np.nan
    result = found(broken, Yardsticks(REFERENCE, {PLAIN: broken}, labels=LABELS))
    assert result.conversion is not None
    assert (result.conversion.relative_l2_median, result.conversion.flips) == (np.inf, 40)
    assert result.dominant is Cause.CONVERSION


@pytest.mark.parametrize(
    ("lost", "words"), [(0.1, "10.0 times what float16 itself must"), (0.012, "float16 itself must lose this much")]
)
def test_the_floor_tells_the_kernels_from_the_format(lost: float, words: str) -> None:
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, floor=moved(REFERENCE, 0.01))
    result = found(moved(REFERENCE, lost), by, "fp16")
    assert result.floor is not None
    assert words in result.note
    assert found(moved(REFERENCE, lost), by, "fp32").floor is None


@pytest.mark.parametrize("floor", [0.0, 1e-6, 9e-5])
def test_a_floor_of_nothing_is_no_divisor(floor: float) -> None:
    """Rounding to float16 changes no output at all, or hardly any, and the device's arithmetic a tenth."""
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, floor=moved(REFERENCE, floor))
    words = "float16 itself must lose next to nothing: the engine's fp16 kernels lose it"
    assert found(moved(REFERENCE, 0.1), by, "fp16").note == words
    assert found(moved(REFERENCE, 0.1), replace(by, floor=moved(REFERENCE, 2e-4)), "fp16").note != words


def test_nothing_lost_over_a_floor_of_nothing() -> None:
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, floor=REFERENCE)
    assert found(REFERENCE, by, "fp16").note == ""
    near = found(flipped(REFERENCE, 1), by, "fp16")
    assert (near.dominant, near.note) == (Cause.ARITHMETIC, "float16 itself must lose this much")


def host_is_astray(device: float, host: float, **more: object) -> LossSplit:
    """A w8 cell at a distance of `device` from the fp32 file, which the coordinator itself runs at `host`."""
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE, W8: moved(REFERENCE, host)})
    return found(moved(REFERENCE, device), by, "w8", **more)  # type: ignore[arg-type]


def test_a_host_that_is_astray_says_nothing_of_the_device() -> None:
    """As calibrated int8 on EfficientViT-B0: 0.88 from the fp32 file on the coordinator, 0.12 on every board."""
    result = host_is_astray(0.12, 0.88)
    assert result.dominant is None
    assert result.note == (
        "the coordinator's own run of this file is far from the fp32 file (relative L2 0.88), the device's is "
        "not (0.12): quantisation and arithmetic, measured by that run, say nothing of the device"
    )
    assert result.quantisation is not None
    assert result.arithmetic is not None
    assert result.quantisation.relative_l2_median == pytest.approx(0.88, rel=1e-4)
    assert result.arithmetic.relative_l2_median == pytest.approx(0.76 / 1.88, rel=1e-4)


@pytest.mark.parametrize(
    ("device", "host", "dominant"),
    [
        (0.1, 0.29, Cause.QUANTISATION),
        (0.1, 0.31, None),
        (0.31, 0.1, Cause.ARITHMETIC),
        (0.0, 0.0009, None),
        (0.0, 0.0011, None),
        (-0.9, 0.3, Cause.ARITHMETIC),
    ],
)
def test_how_far_is_astray(device: float, host: float, dominant: Cause | None) -> None:
    """Three times the device's distance, and more than rounding in another order makes."""
    result = host_is_astray(device, host)
    assert result.dominant is dominant
    assert ("say nothing of the device" in result.note) is (host >= max(0.001, 3 * abs(device)))


def test_a_host_whose_numbers_are_not_finite_is_astray() -> None:
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE, W8: np.full_like(REFERENCE, np.nan)})
    assert "say nothing" in found(moved(REFERENCE, 0.1), by, "w8").note
    both = found(np.full_like(REFERENCE, np.nan), by, "w8")
    assert (both.dominant, both.note) == (Cause.QUANTISATION, "")


def test_beside_a_host_that_is_astray_other_causes_stand() -> None:
    """Conversion where it is larger than the rest of the way, and a device that is alone among its peers."""
    by = Yardsticks(moved(REFERENCE, 0.5), {PLAIN: REFERENCE, W8: moved(REFERENCE, 0.9)})
    assert found(moved(REFERENCE, 0.2), by, "w8").dominant is Cause.CONVERSION
    assert found(moved(REFERENCE, 0.2), replace(by, reference=moved(REFERENCE, 0.1)), "w8").dominant is None
    alone = Peers(unequal=("b", "c"), odd="board")
    result = host_is_astray(0.12, 0.88, peers=alone)
    assert result.dominant is Cause.DEVICE
    assert result.note.endswith("; board alone differs from the devices that ran the same")
    assert host_is_astray(0.12, 0.88, peers=alone.model_copy(update={"odd": "c"})).dominant is None


def test_of_a_host_that_is_astray_no_kernels_are_blamed() -> None:
    """fp16 over a file of fp16 weights: the floor says nothing where the arithmetic was not measured."""
    halves = (Weights(half=True), Memory.NORMAL)
    assert (CATALOGUE["fp16-full"].weights, CATALOGUE["fp16-full"].memory) == halves
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE, halves: moved(REFERENCE, 0.9)}, floor=moved(REFERENCE, 0.01))
    note = found(moved(REFERENCE, 0.1), by, "fp16-full", Peers(unequal=("b", "c"), odd="board")).note
    assert "fp16 kernels" not in note


def test_float16_that_cannot_carry_the_model() -> None:
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, floor=np.full_like(REFERENCE, np.nan))
    assert "cannot carry" in found(moved(REFERENCE, 0.1), by, "fp16").note


def test_the_odd_one_out_is_its_own_cause() -> None:
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, peer=REFERENCE)
    alone = Peers(unequal=("b", "c"), odd="board")
    result = found(moved(REFERENCE, 0.1), by, peers=alone)
    assert (result.dominant, result.device) == (Cause.DEVICE, result.arithmetic)
    assert "board alone differs" in result.note
    other = found(moved(REFERENCE, 0.1), by, peers=alone.model_copy(update={"odd": "c"}))
    assert other.dominant is Cause.ARITHMETIC
    assert "c alone differs" in other.note


def test_a_fail_has_the_dominant_part_as_its_cause() -> None:
    outputs = flipped(REFERENCE, 40)
    cell = evidence(outputs, "fp16", FP16_RUN)
    run = stored(cell, outputs, model(REFERENCE, LABELS, host={PLAIN: REFERENCE}))
    (judged,) = judge(run).cells
    assert (judged.verdict, judged.cause) == (Verdict.FAIL, Cause.ARITHMETIC)
    assert judged.split is not None
    (blind,) = judge(replace(run, models=(model(REFERENCE, LABELS),))).cells
    assert (blind.verdict, blind.cause) == (Verdict.FAIL, None)
