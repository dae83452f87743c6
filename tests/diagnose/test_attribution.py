"""Helpers are counted with the operator that they serve."""

from hypothesis import given
from hypothesis import strategies as st

from harness.diagnose.attribution import Ran, attribute, owner
from tests.diagnose.graphs import node

OPERATORS = ["/a/MatMul_output_0", "/a/MatMul_1_output_0", "/b/Conv_output_0", "logits", "logits__matmul_converted"]


def test_each_kind_of_helper_finds_its_operator() -> None:
    wanted = {
        "/a/MatMul_output_0": "/a/MatMul_output_0",
        "/a/MatMul_output_0_raster_3": "/a/MatMul_output_0",
        "/a/MatMul_1_output_0_raster_0": "/a/MatMul_1_output_0",
        "/b/Conv_output_0__group__11": "/b/Conv_output_0",
        "/b/Conv_output_0__group__11_raster_0": "/b/Conv_output_0",
        "logits_raster_0": "logits",
        "logits__matmul_converted_raster_0": "logits__matmul_converted",
        "logits2": None,
        "/b/Conv": None,
        "": None,
    }
    assert {name: owner(name, OPERATORS) for name in wanted} == wanted


@given(st.sampled_from(OPERATORS), st.lists(st.sampled_from(["raster_0", "group__3", "_x"]), max_size=3))
def test_an_operator_s_own_name_always_wins(name: str, suffixes: list[str]) -> None:
    assert owner("_".join([name, *suffixes]), OPERATORS) == name


def test_multiply_adds_are_summed_copies_are_not_and_the_rest_is_told() -> None:
    ran = [
        Ran("conv__group__0", "Convolution", 2.0), Ran("conv__group__0_raster_0", "Raster", 64.0),
        Ran("conv__group__1", "Convolution", 3.0), Ran("pool_raster_0", "Pooling", 0.5),
        Ran("product", "While", 7.0), Ran("nobody", "Convolution", 11.0),
    ]  # fmt: skip
    found, left = attribute([node("conv"), node("pool"), node("product"), node("idle")], ran)
    assert [each.multiply_adds for each in found] == [5.0, 0.5, 7.0, 0.0]
    assert left == 11.0


def test_operators_that_share_a_name_do_not_count_its_work_twice() -> None:
    found, _ = attribute([node("x"), node("x", outputs=["x2"])], [Ran("x", "Convolution", 4.0)])
    assert sum(each.multiply_adds for each in found) == 4.0
