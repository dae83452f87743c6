"""The catalogue, line by line as the contract has it, and nothing but integers for the engine."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from harness.precision import CATALOGUE, HINTS, REWRITES, Backend, Compute, Memory, Precision, Segment, Weights

HIGH, LOW, LOW_BF16 = 1, 2, 3
NORMAL, LOWMEM = 0, 2
W8 = ("--weightQuantBits", "8")

CONTRACT: dict[str, tuple[tuple[str, ...], int, int, str]] = {
    "fp32": ((), HIGH, NORMAL, "float32"),
    "fp16": ((), LOW, NORMAL, "float32"),
    "bf16": ((), LOW_BF16, NORMAL, "float32"),
    "fp16-weights": (("--fp16",), HIGH, NORMAL, "float16"),
    "fp16-full": (("--fp16",), LOW, NORMAL, "float16"),
    "w8": (W8, HIGH, NORMAL, "int8"),
    "w8-lowmem": (W8, HIGH, LOWMEM, "int8"),
    "w8-block32-lowmem": ((*W8, "--weightQuantBlock", "32"), HIGH, LOWMEM, "int8/block32"),
    "w4-block32-lowmem": (("--weightQuantBits", "4", "--weightQuantBlock", "32"), HIGH, LOWMEM, "int4/block32"),
    "int8": ((), HIGH, NORMAL, "int8 (calibrated)"),
}


def test_the_catalogue_is_the_contract_s_in_its_order() -> None:
    assert list(CATALOGUE) == list(CONTRACT)
    assert all(precision.name == name for name, precision in CATALOGUE.items())


@pytest.mark.parametrize("name", CONTRACT)
def test_each_precision_becomes_the_contract_s_flags_and_numbers(name: str) -> None:
    flags, precision, memory, stored_as = CONTRACT[name]
    found = CATALOGUE[name]
    assert found.weights.flags == flags
    assert found.weights.stored_as == stored_as
    assert found.weights.calibrated is (name == "int8")
    assert found.runtime(4) == {"backend": 0, "numThread": 4, "precision": precision, "memory": memory, "power": 0}
    assert found.hint_numbers == ()
    assert found.is_reduced is (precision != HIGH)
    assert found.uses_int8_compute is (memory == LOWMEM or name == "int8")


def test_precisions_that_share_a_file_have_equal_weights() -> None:
    same = [("fp32", "fp16"), ("fp32", "bf16"), ("fp16-weights", "fp16-full"), ("w8", "w8-lowmem")]
    assert all(CATALOGUE[one].weights == CATALOGUE[other].weights for one, other in same)
    assert len({CATALOGUE[name].weights for name in CONTRACT}) == 6


precisions = st.builds(
    Precision,
    st.just("any"),
    st.just(Weights()),
    st.sampled_from(Compute),
    st.sampled_from(Memory),
    st.sampled_from(Backend),
    st.lists(st.tuples(st.sampled_from(sorted(HINTS)), st.integers(0, 9)), max_size=3).map(tuple),
)


@given(precisions, st.integers(1, 64))
def test_only_integers_ever_reach_the_engine(precision: Precision, threads: int) -> None:
    numbers = [*precision.runtime(threads).values(), *(n for pair in precision.hint_numbers for n in pair)]
    assert all(type(number) is int for number in numbers)


def test_every_choice_has_a_number_of_its_own() -> None:
    for choices in (list(Compute), list(Memory), list(Backend)):
        assert len({choice.mnn for choice in choices}) == len(choices)
    assert len(set(HINTS.values())) == len(HINTS)
    assert {backend: backend.mnn for backend in Backend} == {
        "cpu": 0,
        "cuda": 2,
        "opencl": 3,
        "nnapi": 5,
        "vulkan": 7,
    }


def test_hints_are_numbered_in_their_order() -> None:
    found = Precision("x", hints=(("dynamic_quant", 2), ("winograd", 0))).hint_numbers
    assert found == ((5, 2), (3, 0))


@pytest.mark.parametrize(
    ("weights", "flags"),
    [
        (Weights(bits=8, symmetric=True), ("--weightQuantBits", "8", "--weightQuantAsymmetric=0")),
        (Weights(bits=4, hqq=True), ("--weightQuantBits", "4", "--hqq=1")),
        (Weights(bits=2, block=64), ("--weightQuantBits", "2", "--weightQuantBlock", "64")),
    ],
)
def test_written_out_weights(weights: Weights, flags: tuple[str, ...]) -> None:
    assert weights.flags == flags


STORED_AS = [
    (Weights(bits=8, keep_float=("a", "b", "c")), "int8, 3 layers float"),
    (Weights(bits=4, block=32, keep_float=("a",)), "int4/block32, 1 layer float"),
    (Weights(calibrated=True, keep_float=("a", "b")), "int8 (calibrated), 2 layers float"),
    (Weights(rewrites=("mean-pool",)), "float32, mean-pool"),
    (Weights(half=True, rewrites=("sum-matmul", "epsilon")), "float16, epsilon, sum-matmul"),
    (Weights(bits=8, keep_float=("a",), rewrites=("epsilon",)), "int8, 1 layer float, epsilon"),
]


@pytest.mark.parametrize(("weights", "name"), STORED_AS)
def test_repairs_of_a_file_are_part_of_its_name(weights: Weights, name: str) -> None:
    assert weights.stored_as == name


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from(REWRITES)), st.randoms(use_true_random=False))
def test_the_order_in_which_names_were_written_makes_no_other_weights(
    layers: list[str], rewrites: list[str], random: Random
) -> None:
    one = Weights(bits=8, keep_float=tuple(layers), rewrites=tuple(rewrites))
    shuffled = [random.sample(names, len(names)) for names in (layers, rewrites)]
    other = Weights(bits=8, keep_float=tuple(shuffled[0]), rewrites=tuple(shuffled[1]))
    assert (one, hash(one)) == (other, hash(other))
    assert one.keep_float == tuple(sorted(set(layers)))
    assert one.flags == Weights(bits=8).flags, "what a file says is no flag"


def test_a_precision_of_an_older_run_still_loads() -> None:
    """A stored precision has no word of layers that stay float, and of rewrites."""
    adapter = TypeAdapter(Precision)
    stored = adapter.dump_python(CATALOGUE["w8-lowmem"], mode="json")
    del stored["weights"]["keep_float"], stored["weights"]["rewrites"]
    assert adapter.validate_python(stored) == CATALOGUE["w8-lowmem"]
    new = Precision("x", Weights(bits=8, keep_float=("b", "a"), rewrites=("epsilon",)))
    assert adapter.validate_json(adapter.dump_json(new)) == new


@given(st.builds(Weights, st.booleans(), st.none() | st.integers(2, 8), st.none() | st.just(32), st.booleans()))
def test_a_boolean_flag_always_has_its_value(weights: Weights) -> None:
    # `--hqq` alone would be read as false.
    assert not {"--hqq", "--weightQuantAsymmetric"} & set(weights.flags)


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOGUE["fp32"] = Precision("fp32")  # type: ignore[index]
    with pytest.raises(AttributeError):
        CATALOGUE["fp32"].name = "x"  # type: ignore[misc]


def test_segments_bring_their_own_compute_and_nothing_else_of_the_configuration() -> None:
    parts = (Segment(("image",), ("x",), Compute.FP16), Segment(("x",), ("logits",), Compute.FP32))
    mixed = Precision("mixed", compute=Compute.FP16, segments=parts)
    assert mixed.runtime(1) == Precision("fp16", compute=Compute.FP16).runtime(1)
    assert mixed != Precision("mixed", compute=Compute.FP16)
    assert all(each.segments == () for each in CATALOGUE.values())
