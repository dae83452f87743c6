"""What really ran, on every kind of board that mnn.md describes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence import Operator, Probe
from harness.judge.effective import effective
from harness.precision import CATALOGUE, Backend, Compute, Memory, Precision, Weights
from harness.results import Effective, Extent

from .builders import A64FX_LOW_MEMORY, FP16_ON_A72, FP16_RUN, FP32_RUN, LOW_MEMORY_RUN

A76, A72, A64FX = ("fp16", "dot"), (), ("fp16",)
FP16_LOW_MEMORY = Precision("fp16-lowmem", compute=Compute.FP16, memory=Memory.LOW)
W8_FP16_LOW_MEMORY = Precision("w8-lowmem-fp16", Weights(bits=8), Compute.FP16, Memory.LOW)


def ran(
    precision: str | Precision, probe: Probe | None, isa: tuple[str, ...] = A76, machine: str = "aarch64"
) -> Effective:
    asked = CATALOGUE[precision] if isinstance(precision, str) else precision
    return effective(asked, probe, isa, machine)


def outcome(found: Effective) -> tuple[str, bool, bool | None]:
    return found.compute, found.proven, found.in_effect


def test_fp16_on_a_board_with_fp16_is_proven() -> None:
    found = ran("fp16", FP16_RUN)
    assert outcome(found) == ("fp16", True, True)
    assert found.proof == ("backend", "values")


def test_fp16_on_a_board_without_fp16_ran_as_fp32_although_not_bit_equal() -> None:
    found = ran("fp16", FP16_ON_A72, A72)
    assert outcome(found) == ("fp32", True, False)
    assert found.proof == ("backend", "values", "isa")
    assert "no fp16 instructions" in found.note


def test_fp16_full_on_a_board_without_fp16_keeps_its_stored_weights() -> None:
    found = ran("fp16-full", FP16_ON_A72, A72)
    assert (found.weights, *outcome(found)) == ("float16", "fp32", True, False)


@pytest.mark.parametrize("isa", [A76, A72])
def test_bf16_on_the_wheel_ran_as_fp32(isa: tuple[str, ...]) -> None:
    assert outcome(ran("bf16", FP16_ON_A72, isa)) == ("fp32", True, False)


def test_bf16_is_not_told_from_fp16() -> None:
    found = ran("bf16", FP16_RUN)
    assert outcome(found) == ("fp16+fp32", False, None)
    assert "cannot tell" in found.note


def test_fp16_with_fp32_convolutions_is_not_proven() -> None:
    """a64fx with memory low: the backend says fp16, the convolutions' values are not."""
    found = ran(FP16_LOW_MEMORY, A64FX_LOW_MEMORY, A64FX)
    assert outcome(found) == ("fp16+fp32", False, None)
    assert "only 15 % of the multiply-adds" in found.note


@pytest.mark.parametrize("share", [0.11, 0.5, 0.89])
def test_fp16_that_is_partly_fp32_is_not_proven(share: float) -> None:
    assert outcome(ran("fp16", FP16_RUN.model_copy(update={"half_flops_share": share})))[1:] == (False, None)


@pytest.mark.parametrize("precision", ["fp32", "fp16-weights", "w8"])
def test_fp32_arithmetic_is_proven(precision: str) -> None:
    found = ran(precision, FP32_RUN)
    assert outcome(found) == ("fp32", True, True)
    assert "file" not in found.proof, "no device can tell what weights the file holds"


@pytest.mark.parametrize("precision", ["fp32", "fp16-weights", "w8"])
def test_fp32_asked_and_fp16_run_is_not_in_effect(precision: str) -> None:
    assert outcome(ran(precision, FP16_RUN)) == ("fp16", True, False)


def test_low_memory_is_proven_by_convolutions_that_ignore_rounding() -> None:
    for precision in ("w8-lowmem", "w8-block32-lowmem", "w4-block32-lowmem"):
        found = ran(precision, LOW_MEMORY_RUN)
        assert outcome(found) == ("int8+fp32", True, True)
        assert found.proof[:2] == ("ignores-rounding", "differs-from-dequantised")


def test_differing_from_the_dequantised_file_alone_proves_nothing() -> None:
    """Another order of adding differs as well."""
    found = ran("w8-lowmem", LOW_MEMORY_RUN.model_copy(update={"int8_share": None}))
    assert outcome(found)[1:] == (False, None)
    assert "rounding was not probed" in found.note


def test_low_memory_that_equals_the_dequantised_file_is_not_in_effect() -> None:
    for share in (None, 0.0):
        found = ran("w8-lowmem", LOW_MEMORY_RUN.model_copy(update={"equals_high": True, "int8_share": share}))
        assert (found.weights, *outcome(found)) == ("int8", "fp32", True, False)


def test_low_memory_without_the_comparison_is_not_proven() -> None:
    assert outcome(ran("w8-lowmem", LOW_MEMORY_RUN.model_copy(update={"equals_high": None})))[1:] == (False, None)


def test_low_memory_that_does_both_is_a_contradiction() -> None:
    found = ran("w8-lowmem", LOW_MEMORY_RUN.model_copy(update={"equals_high": True}))
    assert outcome(found)[1:] == (False, None)
    assert "ignores-rounding for int8 multiplication, equals-fp32 against it" in found.note


def test_low_memory_with_fp16_needs_a_proof_of_its_own() -> None:
    assert outcome(ran(W8_FP16_LOW_MEMORY, FP16_RUN))[1:] == (False, None)
    assert outcome(ran(W8_FP16_LOW_MEMORY, FP16_ON_A72, A72))[1:] == (True, False)
    assert outcome(ran("w8-lowmem", FP16_RUN))[1:] == (False, None), "fp16 was not asked for"


def dense_and_depthwise(share: float, dense: float) -> dict[str, object]:
    """What a probe says where `share` of the multiply-adds were int8 and a convolution called `dense` was not."""
    floats = (
        Operator(name="dense", type="Convolution", share=dense),
        Operator(name="depth", type="ConvolutionDepthwise", share=1 - share - dense),
    )
    return {"int8_share": share, "int8_typed_share": 0.0, "float_operators": floats}


def test_a_layer_that_is_to_stay_float_is_no_fallback() -> None:
    kept, other = (Precision("w8", Weights(bits=8, keep_float=(name,)), memory=Memory.LOW) for name in ("dense", "a"))
    probe = LOW_MEMORY_RUN.model_copy(update=dense_and_depthwise(0.375, 0.5))
    found = ran(kept, probe)
    assert outcome(found) == ("int8+fp32", True, True)
    assert (found.share, found.weights) == (0.375, "int8, 1 layer float")
    assert found.extent is Extent.FULL
    assert "with the dense convolutions that were not to stay float among them" in found.note
    for asked in (other, CATALOGUE["w8-lowmem"]):
        assert outcome(ran(asked, probe)) == ("int8+fp32", True, False)
    hidden = probe.model_copy(update={"float_operators": probe.float_operators[1:]})
    assert outcome(ran(kept, hidden)) == ("int8+fp32", True, False), "what is not named may be anything"
    none = LOW_MEMORY_RUN.model_copy(update=dense_and_depthwise(0.0, 0.5))
    assert outcome(ran(kept, none)) == ("fp32", True, False)


def test_calibrated_int8_with_a_layer_that_is_to_stay_float() -> None:
    update = {**dense_and_depthwise(0.5, 0.45), "int8_typed_share": 0.5, "equals_high": None}
    probe = LOW_MEMORY_RUN.model_copy(update=update)
    kept = Precision("int8", Weights(calibrated=True, keep_float=("dense",)))
    assert outcome(ran(kept, probe)) == ("int8", True, True)
    assert ran(kept, probe).extent is Extent.FULL
    assert ran("int8", probe).extent is Extent.PARTLY


def test_calibrated_int8_is_not_taken_from_its_file_alone() -> None:
    found = ran("int8", FP32_RUN)
    assert (found.proof, *outcome(found)) == ((), "int8", False, None)


@pytest.mark.parametrize("precision", CATALOGUE)
def test_without_a_probe_nothing_is_proven(precision: str) -> None:
    found = ran(precision, None)
    assert (found.proof, found.proven, found.in_effect) == ((), False, None)


def test_avx2_backend_says_nothing() -> None:
    """x86 reports the fp16 backend whatever runs; there the values alone show fp32, and never fp16."""
    avx2 = FP32_RUN.model_copy(update={"session_backend": 13})
    assert outcome(ran("fp32", avx2, (), "x86_64")) == ("fp32", True, True)
    assert outcome(ran("fp16", avx2, (), "x86_64")) == ("fp32", True, False)
    assert outcome(ran("fp16", FP16_RUN, (), "x86_64"))[1:] == (False, None)


@pytest.mark.parametrize("same", [False, None])
def test_a_session_unlike_the_module_says_nothing(same: bool | None) -> None:
    found = ran("fp16", FP16_RUN.model_copy(update={"session_equals_module": same}))
    assert outcome(found) == ("unknown", False, None)
    assert "session" in found.note


def test_identity_with_fp32_is_enough_against_fp16() -> None:
    probe = Probe(session_equals_module=False, equals_high=True)
    assert outcome(ran("fp16", probe)) == ("fp32", True, False)
    assert outcome(ran("bf16", probe)) == ("fp32", True, False)


def test_contradicting_proofs_settle_nothing() -> None:
    assert outcome(ran("fp16", FP16_RUN.model_copy(update={"equals_high": True})))[1:] == (False, None)
    assert outcome(ran("fp16", FP16_RUN, isa=A72))[1:] == (False, None), "fp16 without fp16 instructions"


def test_one_proof_alone_settles_nothing() -> None:
    backend_only = Probe(session_backend=13, session_equals_module=True, equals_high=False)
    assert outcome(ran("fp16", backend_only))[1:] == (False, None)
    values_only = FP16_RUN.model_copy(update={"session_backend": None})
    assert outcome(ran("fp16", values_only))[1:] == (False, None)
    assert outcome(ran("fp16", Probe(session_backend=0, session_equals_module=True, equals_high=False)))[1:] == (
        False,
        None,
    )


def test_a_few_values_that_survive_by_chance_change_nothing() -> None:
    chance = {"half_tensors": 20, "half_tensors_high": 15, "half_flops_share": 0.08}
    assert outcome(ran("fp16", FP16_ON_A72.model_copy(update=chance), A72)) == ("fp32", True, False)
    assert outcome(ran("fp16", FP16_ON_A72.model_copy(update=chance), A76)) == ("fp32", True, False)
    mostly = {"half_tensors": 300, "half_tensors_high": 15, "half_flops_share": 0.95}
    assert outcome(ran("fp16", FP16_RUN.model_copy(update=mostly))) == ("fp16", True, True)


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_an_fp16_backend_with_fp32_values_is_a_contradiction(share: float) -> None:
    found = ran("fp16", FP16_RUN.model_copy(update={"half_flops_share": share, "half_tensors": 10}))
    assert outcome(found) == ("fp16+fp32", False, None)
    assert "backend for fp16, values for fp32" in found.note


def test_the_limits_of_the_value_probe() -> None:
    most = {"half_flops_share": 0.9, "half_tensors": 290}
    assert outcome(ran("fp16", FP16_RUN.model_copy(update=most))) == ("fp16", True, True)
    ten = {"tensors": 100, "half_tensors": 15, "half_tensors_high": 5, "half_flops_share": 0.1}
    assert outcome(ran("fp16", FP16_ON_A72.model_copy(update=ten))) == ("fp32", True, False)
    eleven = FP16_ON_A72.model_copy(update={**ten, "half_tensors": 16})
    assert outcome(ran("fp16", eleven)) == ("unknown", False, None)


def test_what_is_open_says_why() -> None:
    assert (
        "one proof alone, values, for fp16" in ran("fp16", FP16_RUN.model_copy(update={"session_backend": None})).note
    )
    nothing = Probe(session_equals_module=True, equals_high=False)
    assert "no proof speaks" in ran("fp16", nothing).note
    assert ran("w8-lowmem", FP16_RUN).note == "the device ran fp16 where fp32 was asked for"
    assert "not compared with" in ran("w8-lowmem", LOW_MEMORY_RUN.model_copy(update={"equals_high": None})).note
    assert ran("w8-lowmem", A64FX_LOW_MEMORY, A64FX).note.startswith("partly fp16")


def test_values_need_more_than_the_control_run() -> None:
    """A model whose values survive the round trip at precision high too shows nothing by them."""
    probe = FP16_RUN.model_copy(update={"half_tensors_high": 314})
    assert outcome(ran("fp16", probe))[1:] == (False, None)


def test_tensors_stand_in_where_multiply_adds_are_unknown() -> None:
    assert outcome(ran("fp16", FP16_RUN.model_copy(update={"half_flops_share": None}))) == ("fp16", True, True)
    assert outcome(ran("fp32", FP32_RUN.model_copy(update={"half_flops_share": None}))) == ("fp32", True, True)


def test_an_accelerator_is_never_the_cpu_in_disguise() -> None:
    opencl = Precision("opencl", backend=Backend.OPENCL)
    assert outcome(ran(opencl, FP32_RUN))[1:] == (True, False)
    assert outcome(ran(opencl, FP32_RUN.model_copy(update={"session_backend": 3})))[1:] == (False, None)
    assert outcome(ran(opencl, FP32_RUN.model_copy(update={"session_equals_module": None})))[1:] == (False, None)


probes = st.builds(
    Probe,
    session_backend=st.sampled_from([None, 0, 13, 3]),
    session_equals_module=st.sampled_from([None, True, False]),
    tensors=st.just(100),
    half_tensors=st.integers(0, 100),
    half_tensors_high=st.none() | st.integers(0, 100),
    half_flops_share=st.none() | st.floats(0, 1),
    equals_high=st.sampled_from([None, True, False]),
)


@given(probes, st.sampled_from([A76, A72]), st.sampled_from(["aarch64", "x86_64", ""]))
def test_fp16_is_in_effect_only_on_the_whole_proof(probe: Probe, isa: tuple[str, ...], machine: str) -> None:
    for name in ("fp16", "fp16-full"):
        found = ran(name, probe, isa, machine)
        whole = (probe.session_backend, probe.session_equals_module) == (13, True) and machine == "aarch64"
        if found.in_effect:
            assert whole
            assert "fp16" in isa
            assert probe.equals_high is not True
        assert (found.in_effect is not None) is found.proven


@given(probes)
def test_whatever_the_probe_says_something_is_said(probe: Probe) -> None:
    for precision, machine in itertools.product(CATALOGUE, ("aarch64", "x86_64")):
        found = ran(precision, probe, A76, machine)
        assert found.in_effect or found.note, "what is not in effect, or not proven, is explained"
