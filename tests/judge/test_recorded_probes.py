"""What ran, by probes that were taken on emulated boards."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence import Operator
from harness.results import Effective, Extent

from .recorded import B0, LARGE, M0, RECORDED, Recorded, on

A72, A76, A64FX, MAX = "cortex-a72", "cortex-a76", "a64fx", "max"
FULL, PARTLY, NONE, UNPROVEN = Extent.FULL, Extent.PARTLY, Extent.NONE, Extent.UNPROVEN

BOARDS = (A72, A76, A64FX, MAX)
WITH_FP16 = (A76, A64FX, MAX)

TABLE: list[tuple[str, str, str, str, Extent, bool | None]] = [
    *((board, "fp32", B0, "fp32", FULL, True) for board in BOARDS),
    *((board, "fp16", B0, "fp16", FULL, True) for board in WITH_FP16),
    (A72, "fp16", B0, "fp32", NONE, False),
    (A72, "fp16", M0, "fp32", NONE, False),
    (A76, "fp16", M0, "fp16", FULL, True),
    (A76, "fp16", LARGE, "fp16", FULL, True),
    *((board, "bf16", B0, "fp32", NONE, False) for board in BOARDS),
    (A72, "fp16-lowmem", B0, "fp32", NONE, False),
    (A76, "fp16-lowmem", B0, "fp16", FULL, True),
    (MAX, "fp16-lowmem", B0, "fp16", FULL, True),
    *((A64FX, "fp16-lowmem", model, "fp16+fp32", PARTLY, False) for model in (B0, M0, LARGE)),
    *((board, "w8-lowmem", B0, "int8+fp32", FULL, True) for board in BOARDS),
    (A72, "w8-lowmem", M0, "int8+fp32", FULL, True),
    (A76, "w8-lowmem", LARGE, "int8+fp32", FULL, True),
    (A72, "w4-block32-lowmem", B0, "int8+fp32", FULL, True),
    *((board, "w8-lowmem-fp16", B0, "int8+fp16", FULL, True) for board in WITH_FP16),
    (A72, "w8-lowmem-fp16", B0, "int8+fp32", NONE, False),
    *((A64FX, "w8-lowmem-fp16", model, "int8+fp16", FULL, True) for model in (M0, LARGE)),
    *((board, "int8", B0, "int8", FULL, True) for board in (A72, A76, A64FX)),
    (A76, "int8", LARGE, "int8", FULL, True),
    *((MAX, "int8", model, "int8", UNPROVEN, None) for model in (B0, LARGE)),
]


@pytest.mark.parametrize(("place", "ran"), [(row[:3], row[3:]) for row in TABLE])
def test_what_ran(place: tuple[str, str, str], ran: tuple[str, Extent, bool | None]) -> None:
    found = on(*place).judged()
    assert (found.compute, found.extent, found.in_effect) == ran
    assert found.proven is (found.extent is not UNPROVEN)


def test_every_probe_that_was_recorded_is_in_the_table() -> None:
    assert {(device, precision, model) for device, precision, model, *_ in TABLE} == set(RECORDED)


def test_fp16_on_a_board_without_it_is_not_in_effect_although_not_equal_to_the_bit() -> None:
    recorded = on(A72, "fp16", M0)
    assert recorded.probe.equals_high is False
    assert recorded.judged().proof == ("backend", "values", "memory", "isa")


@pytest.mark.parametrize("device", WITH_FP16)
def test_proofs_of_fp16(device: str) -> None:
    found = on(device, "fp16").judged()
    assert found.proof == ("backend", "values", "memory")
    assert found.share == 1.0
    assert found.fallbacks == ()


@pytest.mark.parametrize(("model", "share"), [(B0, 0.134), (M0, 0.038), (LARGE, 0.153)])
def test_fp16_whose_convolutions_ran_as_fp32(model: str, share: float) -> None:
    found = on(A64FX, "fp16-lowmem", model).judged()
    assert found.share == pytest.approx(share, abs=5e-4)
    assert {each.type for each in found.fallbacks} == {"Convolution"}
    assert len(found.fallbacks) == 16
    assert found.note.startswith("ran mostly as fp32: ")
    assert f"{100 * share:.0f} % of the multiply-adds" in found.note
    assert found.fallbacks[0].name in found.note
    assert "and 13 more" in found.note
    assert found.proof == ("backend", "values", "memory")


def test_int8_multiplication_has_a_proof_of_its_own() -> None:
    for device in BOARDS:
        found = on(device, "w8-lowmem").judged()
        assert found.proof[:3] == ("ignores-rounding", "differs-from-dequantised", "memory")
        assert found.share == pytest.approx(0.895, abs=5e-4)
        assert {each.type for each in found.fallbacks} <= {"ConvolutionDepthwise", "While"}
        assert "90 % of the multiply-adds multiplied int8 numbers" in found.note
    for device in WITH_FP16:
        assert on(device, "w8-lowmem-fp16").judged().proof == ("ignores-rounding", "backend", "values")


def test_int8_with_fp16_on_a_board_without_fp16_says_which_of_the_two_ran() -> None:
    note = on(A72, "w8-lowmem-fp16").judged().note
    assert "fp16 was not in effect" in note
    assert "int8 multiplication ran in 90 % of the multiply-adds" in note


def test_calibrated_int8_is_proven_by_its_operators() -> None:
    found = on(A76, "int8").judged()
    assert found.proof == ("operators", "levels", "backend", "values")
    assert found.share == pytest.approx(0.978, abs=1e-3)
    assert {each.type for each in found.fallbacks} == {"While"}, "attention's products have no int8 kernel"


def test_interfaces_that_answer_differently_prove_nothing() -> None:
    """With SVE2, calibrated int8 leaves the last two of ten logits unwritten: module and session differ there."""
    assert "session and its module answer the same input differently" in on(MAX, "int8").judged().note


def operator(share: float, kind: str = "Convolution") -> Operator:
    return Operator(name="op", type=kind, share=share)


DISAGREEMENTS: list[tuple[Recorded, Mapping[str, Any], str]] = [
    (on(A76, "fp16"), {"session_memory_mb": 8.4}, "backend, values for fp16, memory for fp32"),
    (on(A76, "fp16"), {"session_backend": 0}, "values, memory for fp16, backend for fp32"),
    (on(A76, "fp16"), {"equals_high": True}, "equals-fp32 for fp32"),
    (on(A72, "fp16"), {"session_memory_mb": 4.2}, "memory for fp16, backend, values, isa"),
    (on(A64FX, "fp16-lowmem"), {"session_memory_mb": 4.2}, "partly fp16"),
    (on(A64FX, "fp16-lowmem"), {"full_operators": ()}, "backend for fp16, memory for fp32"),
    (on(A64FX, "fp16-lowmem"), {"full_operators": (operator(0.5),)}, "backend for fp16, memory for fp32"),
    (on(A64FX, "fp16-lowmem"), {"equals_high": True}, "backend for fp16, memory, equals-fp32 for fp32"),
    (on(A76, "w8-lowmem"), {"equals_high": True}, "ignores-rounding for int8 multiplication, equals-fp32"),
    (on(A76, "w8-lowmem"), {"equals_high": None}, "not compared"),
    (on(A76, "w8-lowmem"), {"int8_share": None}, "rounding was not probed"),
    (on(A76, "w8-lowmem"), {"session_equals_module": False}, "answer the same input differently"),
    (on(A76, "w8-lowmem-fp16"), {"session_backend": 0}, "values for fp16, backend for fp32"),
    (on(A76, "w8-lowmem-fp16"), {"half_rest_share": 0.5}, "partly fp16"),
    (on(A76, "int8"), {"int8_share": 0.5}, "98 % of the multiply-adds are int8 kernels, the outputs of 50 %"),
    (on(A76, "int8"), {"int8_typed_share": None}, "was not probed"),
]


@pytest.mark.parametrize(("recorded", "changes", "shown"), DISAGREEMENTS)
def test_proofs_that_disagree_settle_nothing_and_are_shown(
    recorded: Recorded, changes: Mapping[str, Any], shown: str
) -> None:
    found = recorded.judged(**changes)
    assert (found.extent, found.in_effect, found.proven) == (UNPROVEN, None, False)
    assert shown in found.note


@pytest.mark.parametrize(("share", "in_effect"), [(0.2, False), (0.49, False), (0.5, True), (0.89, True)])
def test_from_half_of_it_on_a_part_counts(share: float, in_effect: bool) -> None:
    memory = 8.4 if share < 0.5 else 4.2
    changes = {"half_flops_share": share, "full_operators": (operator(1 - share),), "session_memory_mb": memory}
    found = on(A64FX, "fp16-lowmem").judged(**changes)
    assert (found.extent, found.in_effect, found.share) == (PARTLY, in_effect, share)
    assert found.proof == ("backend", "values", "memory")
    assert found.note.startswith("partly in effect" if in_effect else "ran mostly as fp32")


@pytest.mark.parametrize("memory", [4.2, 6.5, None])
def test_a_memory_figure_between_the_two_says_nothing(memory: float | None) -> None:
    found = on(A76, "fp16").judged(session_memory_mb=memory)
    assert found.extent is FULL
    assert ("memory" in found.proof) is (memory == 4.2)


def low_memory(share: float, *rest: Operator) -> Effective:
    return on(A76, "w8-lowmem").judged(int8_share=share, float_operators=rest)


def test_int8_as_far_as_dense_convolutions_go() -> None:
    assert low_memory(0.4, operator(0.6, "ConvolutionDepthwise")).extent is FULL, "there is no int8 kernel for it"
    assert low_memory(0.9, operator(0.1)).extent is FULL
    partly = low_memory(0.7, operator(0.3))
    assert (partly.extent, partly.in_effect, partly.fallbacks) == (PARTLY, True, (operator(0.3),))
    mostly_not = low_memory(0.3, operator(0.7))
    assert (mostly_not.extent, mostly_not.in_effect) == (PARTLY, False)
    assert mostly_not.note.startswith("ran mostly as fp32: 30 %")
    unnamed = low_memory(0.3)
    assert (unnamed.extent, unnamed.in_effect) == (PARTLY, False), "what is not named may be dense"
    none = low_memory(0.0, operator(1.0))
    assert (none.extent, none.in_effect, none.compute) == (NONE, False, "fp32")
    assert none.proof[0] == "heeds-rounding"


def test_calibrated_int8_that_fell_back() -> None:
    for share, extent, in_effect in (
        (0.9, FULL, True),
        (0.6, PARTLY, True),
        (0.4, PARTLY, False),
        (0.0, NONE, False),
    ):
        fallbacks = (operator(1 - share),)
        changes = {"int8_share": share, "int8_typed_share": share, "float_operators": fallbacks}
        found = on(A76, "int8").judged(**changes)
        assert (found.extent, found.in_effect, found.share) == (extent, in_effect, share)


@given(st.sampled_from(sorted(RECORDED)), st.floats(0, 1), st.floats(0, 20), st.sampled_from([None, 0, 13]))
def test_no_single_forged_figure_makes_fp16_of_fp32(
    place: tuple[str, str, str], share: float, megabytes: float, backend: int | None
) -> None:
    recorded = RECORDED[place]
    honest = recorded.judged()
    forgeries: list[dict[str, object]] = [
        {"half_flops_share": share},
        {"session_memory_mb": megabytes},
        {"session_backend": backend},
        {"full_operators": (operator(share),)},
    ]
    for forged in forgeries:
        found = recorded.judged(**forged)
        assert not (honest.in_effect is False and found.in_effect), forged
        assert found.in_effect or found.note
        assert (found.extent is UNPROVEN) is (found.in_effect is None)
