"""The replay against MNN 3.6.1 itself: relative L2 errors measured on an emulated Cortex-A76, on the same numbers."""

from collections.abc import Callable

import numpy as np
import pytest

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.half import relative
from harness.diagnose.lint.sums import see_sum, sum_figures
from tests.diagnose.lint.builders import call, floats


def matmul(length: int) -> Call:
    random = np.random.RandomState(length)
    return call("MatMul", [floats(random.rand(1, 16, length)), floats(random.rand(1, length, 16))])


def pool(side: int) -> Call:
    random = np.random.RandomState(side)
    return call("GlobalAveragePool", [floats(np.maximum(random.randn(1, 16, side, side), 0))])


def winograd(channels: int) -> Call:
    random = np.random.RandomState(channels)
    x, w = floats(random.randn(1, channels, 16, 16)), floats(random.randn(16, channels, 3, 3))
    return call("Conv", [x], {"w": w}, kernel_shape=[3, 3], pads=[1] * 4)


def strided(seed: int) -> Call:
    random = np.random.RandomState(seed)
    x, w = floats(random.randn(1, 64, 16, 16)), floats(random.randn(16, 64, 3, 3))
    return call("Conv", [x], {"w": w}, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2])


def depthwise(seed: int) -> Call:
    random = np.random.RandomState(seed)
    x, w = floats(np.maximum(random.randn(1, 32, 16, 16), 0)), floats(0.05 * random.randn(32, 1, 3, 3))
    return call("Conv", [x], {"w": w, "b": floats(random.randn(32) + 2)}, pads=[1] * 4, group=32)


def cancelling(seed: int) -> Call:
    random = np.random.RandomState(seed)
    x, w = floats(random.randn(1, 32, 16, 16) + 20), random.randn(16, 32, 1, 1)
    return call("Conv", [x], {"w": floats(w - w.mean(axis=1, keepdims=True))})


def grouped(seed: int) -> Call:
    random = np.random.RandomState(seed)
    x, w = floats(random.randn(1, 64, 16, 16)), floats(random.randn(32, 16, 5, 5))
    return call("Conv", [x], {"w": w}, pads=[2] * 4, group=4)


@pytest.mark.parametrize(
    ("make", "size", "measured"),
    [
        (matmul, 256, 0.00192),
        (matmul, 1024, 0.00721),
        (matmul, 4096, 0.0719),
        (pool, 7, 0.000783),
        (pool, 16, 0.0013),
        (pool, 32, 0.00318),
        (pool, 64, 0.02),
        (strided, 1, 0.00354),
        (depthwise, 2, 0.000476),
        (cancelling, 3, 0.0101),
        (winograd, 64, 0.0145),
        (winograd, 256, 0.0274),
        (winograd, 1024, 0.053),
        (grouped, 4, 0.0097),
    ],
)
def test_errors_are_those_of_the_engine(make: Callable[[int], Call], size: int, measured: float) -> None:
    seen = see_sum(make(size), np.random.RandomState(0))
    assert seen is not None
    # A sample of the outputs is replayed, and Winograd's transforms are not added up in the engine's order.
    assert relative([seen.replay.error]) == pytest.approx(measured, rel=0.12)


def test_how_much_cancels_is_seen() -> None:
    seen = see_sum(cancelling(3), np.random.RandomState(0))
    assert seen is not None
    figures = sum_figures([seen])
    assert figures is not None
    x = cancelling(3).input(0)[0].reshape(32, -1).astype(np.float64)
    w = cancelling(3).input(1)[:, :, 0, 0].astype(np.float64)
    by_hand = np.median((abs(w) @ abs(x)) / abs(w @ x))
    assert figures.cancellation == pytest.approx(by_hand, rel=0.1)
    assert (figures.length, figures.one_signed, figures.winograd) == (32, 0.0, 0)


def test_one_sign_is_seen() -> None:
    seen = see_sum(matmul(256), np.random.RandomState(0))
    assert seen is not None
    figures = sum_figures([seen, seen])
    assert figures is not None
    assert figures.one_signed == 1.0
    assert figures.cancellation == pytest.approx(1.0)


def test_zeros_cancel_nothing() -> None:
    seen = see_sum(call("MatMul", [floats(np.zeros((4, 8))), floats(np.ones((8, 4)))]), np.random.RandomState(0))
    assert seen is not None
    assert set(seen.ratios) == {1.0}
    assert relative([seen.replay.error]) == 0.0
