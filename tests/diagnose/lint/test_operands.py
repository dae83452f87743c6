"""What is gathered must add up to what onnxruntime gives, in whatever way windows, groups and matrices lie."""

from typing import Any

import numpy as np
import pytest

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.operands import Operands, exact, length, operands, weight_rows
from tests.diagnose.lint.builders import Floats, call, floats

RANDOM = np.random.RandomState(7)
IMAGE = floats(RANDOM.randn(1, 6, 9, 8))


def weights(*shape: int) -> Floats:
    return floats(RANDOM.randn(*shape))


def gathered(made: Call, count: int = 500) -> Operands:
    found = operands(made, count=count, random=np.random.RandomState(0))
    assert found is not None
    return found


def assert_adds_up(made: Call) -> None:
    """Sums of the operands are outputs, and no other numbers."""
    found = gathered(made)
    sums, outputs = exact(found.a, found.b, found.bias), np.sort(made.output.ravel().astype(np.float64))
    place = np.searchsorted(outputs, sums)
    nearest = np.minimum(
        abs(outputs[np.clip(place, 0, len(outputs) - 1)] - sums), abs(outputs[np.clip(place - 1, 0, None)] - sums)
    )
    assert nearest.max() < 1e-4
    # All outputs have the same chance: in so many draws the spread of the sample is that of the whole.
    assert np.std(sums) == pytest.approx(np.std(outputs), rel=0.25)
    assert len(found.a) == length(made)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 2, 0, 1]},
        {"strides": [2, 3], "pads": [1, 1, 1, 1]},
        {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID"},
    ],
)
@pytest.mark.parametrize(("group", "outputs"), [(1, 5), (2, 4), (6, 6)])
def test_convolutions(attributes: dict[str, Any], group: int, outputs: int) -> None:
    kernel = {"w": weights(outputs, 6 // group, 3, 2), "b": weights(outputs)}
    assert_adds_up(call("Conv", [IMAGE], kernel, group=group, kernel_shape=[3, 2], **attributes))


def test_a_convolution_without_bias() -> None:
    assert_adds_up(call("Conv", [IMAGE], {"w": weights(4, 6, 1, 1)}))


def test_kernel_positions_come_before_channels() -> None:
    """The order of MNN's float16 kernels: all channels of the first position, then of the next."""
    x = floats(np.arange(1, 19).reshape(1, 2, 3, 3))
    found = gathered(call("Conv", [x], {"w": np.ones((1, 2, 3, 3), np.float32)}), count=1)
    assert found.a[:, 0].tolist() == [1, 10, 2, 11, 3, 12, 4, 13, 5, 14, 6, 15, 7, 16, 8, 17, 9, 18]


def test_only_a_depthwise_accumulator_starts_with_the_bias() -> None:
    depthwise = call("Conv", [IMAGE], {"w": weights(6, 1, 3, 3), "b": weights(6)}, group=6)
    dense = call("Conv", [IMAGE], {"w": weights(6, 6, 3, 3), "b": weights(6)})
    single = call("Conv", [IMAGE[:, :1]], {"w": weights(6, 1, 3, 3), "b": weights(6)})
    assert [gathered(each).bias_first for each in (depthwise, dense, single)] == [True, False, False]


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("GlobalAveragePool", {}),
        ("AveragePool", {"kernel_shape": [3, 2]}),
        ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ],
)
def test_pools(op: str, attributes: dict[str, Any]) -> None:
    made = call(op, [IMAGE], **attributes)
    assert_adds_up(made)
    assert gathered(made).weighted


@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (3, 4, 5)), ((3, 4), (2, 4, 5))],
)
def test_matrix_products_and_their_batches(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    made = call("MatMul", [weights(*left), weights(*right)])
    assert_adds_up(made)
    assert not gathered(made).weighted


@pytest.mark.parametrize("bias", [(5,), (1, 5), (3, 1), ()])
@pytest.mark.parametrize("turned", [0, 1])
def test_gemm(turned: int, bias: tuple[int, ...]) -> None:
    left, right = (weights(4, 3), weights(5, 4)) if turned else (weights(3, 4), weights(4, 5))
    made = call("Gemm", [left], {"w": right, "b": weights(*bias)}, transA=turned, transB=turned, alpha=0.5, beta=2.0)
    assert_adds_up(made)


def test_rows_of_weights_are_those_of_the_operands() -> None:
    for made in (
        call("Conv", [IMAGE], {"w": weights(5, 6, 3, 2)}),
        call("Gemm", [weights(3, 4)], {"w": weights(5, 4)}, transB=1),
        call("Gemm", [weights(3, 4)], {"w": weights(4, 5)}),
        call("MatMul", [weights(2, 3, 4)], {"w": weights(4, 5)}),
    ):
        found, rows = gathered(made), weight_rows(made.graph, made.node)
        assert rows is not None
        assert found.rows is not None
        np.testing.assert_array_equal(rows[found.rows].T, found.b)


def test_activations_have_no_rows() -> None:
    made = call("MatMul", [weights(3, 4), weights(4, 5)])
    assert weight_rows(made.graph, made.node) is None
    assert gathered(made).rows is None


@pytest.mark.parametrize(
    ("op", "given"),
    [("Relu", [IMAGE]), ("MatMul", [weights(4), weights(4, 5)]), ("GlobalAveragePool", [weights(1, 2, 8)])],
)
def test_other_operators_are_no_sums_that_we_know(op: str, given: list[Floats]) -> None:
    made = call(op, given)
    assert operands(made, count=9, random=np.random.RandomState(0)) is None


def test_no_more_is_held_than_fits() -> None:
    made = call("MatMul", [weights(1, 1 << 16), weights(1 << 16, 1)])
    assert gathered(made, count=8192).a.shape == (1 << 16, 16)
