"""What really ran of a model in mixed precision."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Code, FarmError
from harness.evidence import ChainProbe, Probe, SegmentProbe
from harness.judge.effective import effective
from harness.judge.mixed_effective import LARGEST_ERROR
from harness.precision import Compute, Memory, MixedPlan, Precision, Segment, Weights
from harness.results import Effective, Extent
from tests.judge.builders import FP16_ON_A72, FP16_RUN

CUT = (
    Segment(("image",), ("stem",), Compute.FP32, 0.25),
    Segment(("stem",), ("body",), Compute.FP16, 0.5),
    Segment(("body",), ("neck",), Compute.FP32, 0.0),
    Segment(("neck",), ("logits",), Compute.FP16, 0.25),
)
ASKED = Precision("mixed-a", compute=Compute.FP16, segments=CUT)
FULL = SegmentProbe(equals_high=True, half=False)
HALF = SegmentProbe(equals_high=False, half=True)


def probed(*parts: SegmentProbe, error: float | None = 0.0, probe: Probe = FP16_RUN) -> Probe:
    chain = ChainProbe(error=error, segments=parts or (FULL, HALF, FULL, HALF))
    return probe.model_copy(update={"chain": chain})


def ran(probe: Probe, asked: Precision = ASKED, isa: tuple[str, ...] = ("fp16", "dot")) -> Effective:
    return effective(asked, probe, isa, "aarch64")


def test_parts_that_answer_otherwise_than_in_fp32_are_in_effect() -> None:
    found = ran(probed())
    assert (found.compute, found.proven, found.in_effect, found.extent) == ("fp16+fp32", True, True, Extent.FULL)
    assert found.share == 0.75
    assert found.proof == ("backend", "values", "parts-differ", "part-values")


def test_last_operators_that_run_in_fp32_take_one_proof_away_and_no_more() -> None:
    found = ran(probed(FULL, HALF, FULL, SegmentProbe(equals_high=False, half=False)))
    assert found.in_effect is True
    assert "part-values" not in found.proof


def test_a_board_without_fp16_ran_fp32() -> None:
    found = ran(probed(FULL, FULL, FULL, FULL, probe=FP16_ON_A72), isa=())
    assert (found.compute, found.in_effect, found.share) == ("fp32", False, 0.0)
    assert "no fp16 instructions" in found.note


def test_parts_that_all_answer_as_in_fp32_are_not_in_effect_although_the_device_has_fp16() -> None:
    found = ran(probed(FULL, FULL, FULL, FULL))
    assert (found.compute, found.in_effect, found.proof) == ("fp32", False, ("equals-fp32",))


def test_a_part_that_answers_as_in_fp32_is_named() -> None:
    found = ran(probed(FULL, FULL, FULL, HALF))
    assert (found.in_effect, found.extent) == (True, Extent.PARTLY)
    assert "number 1 " in found.note


def test_parts_that_were_not_probed_prove_nothing() -> None:
    found = ran(FP16_RUN)
    assert (found.proven, found.in_effect) == (False, None)


@pytest.mark.parametrize("error", [None, 2 * LARGEST_ERROR, 0.88, float("inf"), float("nan")])
def test_a_chain_that_is_not_the_model_is_an_error(error: float | None) -> None:
    with pytest.raises(FarmError, match="cut there") as caught:
        ran(probed(error=error))
    assert caught.value.problem.code is Code.OUTPUT_MISMATCH


def test_a_part_too_few_is_evidence_that_is_missing() -> None:
    with pytest.raises(FarmError, match="3 of 4 parts") as caught:
        ran(probed(FULL, HALF, FULL))
    assert caught.value.problem.code is Code.EVIDENCE_MISSING


def test_a_device_whose_proofs_disagree_proves_nothing() -> None:
    astray = FP16_RUN.model_copy(update={"half_flops_share": 0.0, "half_tensors": 0})
    assert ran(probed(probe=astray)).in_effect is None


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.floats(0, LARGEST_ERROR))
def test_only_what_differs_can_be_in_effect(equal: list[bool], error: float) -> None:
    parts = [SegmentProbe(equals_high=one, half=None) for one in equal]
    found = ran(probed(*parts, error=error))
    assert found.in_effect is (not (equal[1] and equal[3]))


def test_shares_that_nobody_counted_are_not_known() -> None:
    cut = (Segment(("a",), ("b",), Compute.FP16), Segment(("b",), ("c",), Compute.FP32, 0.5))
    assert Precision("m", compute=Compute.FP16, segments=cut).half_share is None


def test_shares_without_segments() -> None:
    assert Precision("fp16", compute=Compute.FP16).half_share == 1.0
    assert Precision("w8", Weights(bits=8), memory=Memory.LOW).half_share == 0.0


def test_a_precision_knows_the_models_it_has_plans_for() -> None:
    both = Precision("m", compute=Compute.FP16, plans=(MixedPlan("a" * 64, CUT), MixedPlan("b" * 64, CUT[:1])))
    one = both.on("b" * 64)
    assert one is not None
    assert (one.segments, one.plans) == (CUT[:1], ())
    assert both.on("c" * 64) is None
    plain = Precision("fp16", compute=Compute.FP16)
    assert plain.on("c" * 64) is plain
