"""What in an operator costs accuracy, by the figures that a device measured of it."""

import math

import pytest

from harness.diagnose.anatomy import Anatomy, anatomies
from harness.diagnose.graph import Operator, Tensor, build
from harness.diagnose.mechanisms import mechanism
from harness.diagnosis import Mechanism
from harness.precision import CATALOGUE, Precision
from tests.diagnose.findings import operator

FP16 = CATALOGUE["fp16"]
CONVOLUTION = Anatomy(terms=576)


def found(inside: Anatomy = CONVOLUTION, asked: Precision = FP16, **changes: object) -> tuple[Mechanism, str]:
    return mechanism(operator("x", **changes), inside, asked)


def test_an_error_of_rounded_inputs_that_is_not_amplified_is_rounding() -> None:
    assert found()[0] is Mechanism.ROUNDING


def test_an_error_of_rounded_inputs_that_is_amplified_is_cancellation() -> None:
    what, words = found(made=1.1e-2, rounding=1e-2, amplification=40.0)
    assert what is Mechanism.CANCELLATION
    assert "40 times larger" in words


def test_an_error_beyond_the_rounding_of_inputs_is_the_kernels() -> None:
    what, words = found(made=1.2e-2, rounding=2.4e-4)
    assert what is Mechanism.ACCUMULATION
    assert "576 terms" in words
    assert "50 times what rounding" in words


def test_terms_that_cancel_come_before_the_length_of_the_sum() -> None:
    what, words = found(made=4.4e-2, rounding=5.4e-3, amplification=27.5)
    assert what is Mechanism.CANCELLATION
    assert "27.5 times larger and it adds up 576 terms" in words


def test_winograds_algorithm_is_named_where_it_may_run() -> None:
    assert "Winograd" in found(Anatomy(terms=576, winograd=True), made=1e-2, rounding=1e-4)[1]


def test_a_mean_over_many_positions_is_pooling() -> None:
    what, words = found(Anatomy(terms=4096, pooling=True), made=0.1, rounding=1e-4)
    assert what is Mechanism.POOLING
    assert "4096 positions" in words


def test_a_short_sum_is_no_long_accumulation() -> None:
    assert found(Anatomy(terms=9), made=1e-2, rounding=1e-4)[0] is Mechanism.ROUNDING


@pytest.mark.parametrize("made", [math.inf, None])
def test_values_beyond_float16_are_an_overflow(made: float | None) -> None:
    what, words = found(made=made, relative_l2=math.inf, nonfinite=5, largest=9e4, near_overflow=0.01)
    assert what is Mechanism.OVERFLOW
    assert "65504" in words


def test_what_is_not_finite_before_it_is_not_its_own_doing() -> None:
    assert found(relative_l2=math.inf, nonfinite=5)[0] is Mechanism.ROUNDING


def test_a_division_that_is_not_finite_has_a_vanishing_denominator() -> None:
    what, _ = found(Anatomy(divides=True), made=math.inf, relative_l2=math.inf, nonfinite=1, largest=2.0)
    assert what is Mechanism.VANISHING


def test_values_that_became_zero_are_flushed() -> None:
    what, words = found(made=0.2, rounding=1e-3, flushed=0.25, tiny=0.3)
    assert what is Mechanism.FLUSHED
    assert "25 %" in words


def test_a_weight_file_is_to_blame_for_rounded_weights() -> None:
    what, words = found(asked=CATALOGUE["w8-lowmem"], made=0.2)
    assert what is Mechanism.WEIGHTS
    assert "8 bits" in words
    assert found(asked=CATALOGUE["int8"], made=0.2)[0] is Mechanism.RANGE


@pytest.mark.parametrize("asked", ["fp32", "fp16-weights", "w8-lowmem", "int8"])
@pytest.mark.parametrize("made", [0.3, math.inf])
@pytest.mark.parametrize("inside", [Anatomy(), CONVOLUTION, Anatomy(terms=64, pooling=True), Anatomy(divides=True)])
def test_where_nothing_runs_in_float16_float16_is_not_blamed(asked: str, made: float, inside: Anatomy) -> None:
    figures = {"made": made, "rounding": 1e-3, "amplification": 9.0, "flushed": 0.2, "tiny": 0.2}
    what, words = found(inside, CATALOGUE[asked], **figures)
    assert what not in (Mechanism.FLUSHED, Mechanism.VANISHING, Mechanism.POOLING, Mechanism.ACCUMULATION)
    assert "float16" not in words
    assert "65504" not in words
    if math.isinf(made):
        assert (what, words) == (Mechanism.OVERFLOW, "its results are not finite")


def test_an_int8_operator_without_weights_is_blamed_for_its_range() -> None:
    assert found(Anatomy(), CATALOGUE["int8"], made=4.2) == (
        Mechanism.RANGE,
        "values in int8, with one scale for all of them, change its results by 4.2",
    )


def test_weights_stored_in_half_are_named() -> None:
    assert found(asked=CATALOGUE["fp16-weights"], made=0.01) == (
        Mechanism.WEIGHTS,
        "weights in 16 bits change its results by 0.01",
    )


def test_what_an_operator_adds_up_is_read_from_the_graph() -> None:
    def tensor(name: str, *shape: int) -> Tensor:
        return Tensor(name, shape)

    graph = build(
        [
            Operator("in", "Input", (), ("in",)),
            # 3 x 3 over 16 channels: 144 products for each of 8 x 8 x 4 results.
            Operator("conv", "Convolution", ("in",), ("c",), multiply_adds=144 * 256 / 1e6),
            Operator("pool", "Pooling3D", ("c",), ("p",), multiply_adds=256 / 1e6),
            Operator("div", "REALDIV", ("p",), ("out",)),
        ],
        input_name="in",
        output_name="out",
        tensors=[tensor("in", 1, 16, 8, 8), tensor("c", 1, 4, 8, 8), tensor("p", 1, 4, 1, 1), tensor("out", 1, 4)],
    )
    inside = anatomies(graph, {"conv": (3, 3)})
    assert inside["conv"] == Anatomy(terms=144, winograd=True)
    assert inside["pool"] == Anatomy(terms=64, pooling=True)
    assert inside["div"] == Anatomy(divides=True)
    assert anatomies(graph, {"conv": (1, 1)})["conv"] == Anatomy(terms=144)


def test_shapes_that_are_not_known_say_nothing() -> None:
    operators = [Operator("in", "Input", (), ("in",)), Operator("out", "Pooling", ("in",), ("out",))]
    graph = build(operators, input_name="in", output_name="out")
    assert anatomies(graph, {})["out"] == Anatomy(terms=0, pooling=True)
