"""float16 sums against numpy's own float16, and against what is known of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnose.lint.half import UNIT_ROUNDOFF, accumulate, half, relative, squares
from harness.diagnose.lint.propagation import ROUNDING
from tests.diagnose.lint.builders import Floats, floats


def one_by_one(a: Floats, b: Floats) -> np.float16:
    """A fused multiply-add by fused multiply-add: in double precision product and sum are exact."""
    total = np.float16(0)
    for left, right in zip(a, b, strict=True):
        total = np.float16(np.float64(total) + np.float64(left) * np.float64(right))
    return total


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_a_sum_is_rounded_after_every_product(seed: int, length: int) -> None:
    random = np.random.RandomState(seed)
    a, b = half(random.randn(length)), half(random.randn(length))
    found = accumulate(a[:, None], b[:, None])[0]
    # Through float32 a sum is rounded twice, which may come out one step beside.
    assert abs(float(found) - float(one_by_one(a, b))) <= np.spacing(np.float16(abs(found))) * length / 10


def test_ones_are_lost_beside_2048() -> None:
    """Beyond 2^11 the steps of float16 are 2, and 2048 + 1 rounds to even."""
    ones = np.ones((5000, 1), np.float32)
    assert accumulate(ones, ones)[0] == 2048.0
    assert accumulate(ones[:2000], ones[:2000])[0] == 2000.0


def test_a_sum_may_start_at_the_bias() -> None:
    """From 4096 on the steps are 4: 4096 + 1 stays, whereas 1 + 1 + 1 + 4096 does not."""
    ones = np.ones((3, 1), np.float32)
    assert accumulate(ones, ones, 4096.0)[0] == 4096.0
    assert half(accumulate(ones, ones) + np.float32(4096))[0] == 4100.0


def test_random_signs_err_as_the_root_of_the_length() -> None:
    """Rounding errors d s with |d| <= u at partial sums s that walk at random: u sqrt(K / 2) times 0.4 or so."""
    random = np.random.RandomState(0)
    for length in (64, 256, 1024):
        a, b = half(random.randn(length, 2000)), half(random.randn(length, 2000))
        found = relative([squares(accumulate(a, b), np.einsum("kn,kn->n", a, b, dtype=np.float64))])
        assert found == pytest.approx(0.4 * UNIT_ROUNDOFF * math.sqrt(length / 2), rel=0.2)


def test_beyond_65504_is_infinity() -> None:
    assert half(floats([65504, 65519, 65520, -1e6])).tolist() == [65504, 65504, np.inf, -np.inf]
    big = floats([[300.0]])
    assert np.isinf(accumulate(big, big)).all()


def test_rounding_costs_what_is_said_of_it() -> None:
    x = 2.0 ** np.random.RandomState(0).uniform(-3, 3, 200000)
    assert relative([squares(half(x), x)]) == pytest.approx(ROUNDING, rel=0.05)
    binade = np.linspace(1, 2, 10001)[:-1]  # x^2 on the average, with weights 1 / x
    assert np.sum(binade**2 / binade) / np.sum(1 / binade) == pytest.approx(3 / (2 * math.log(2)), rel=1e-3)


def test_squares_add_up_over_images() -> None:
    pairs = [squares(floats([1, 2]), floats([1, 1])), squares(floats([0]), floats([2]))]
    assert pairs == [(1.0, 2.0), (4.0, 4.0)]
    assert relative(pairs) == pytest.approx(math.sqrt(5 / 6))


def test_what_is_no_number_is_infinitely_wrong() -> None:
    assert squares(floats([np.nan, 1]), floats([1, 1])) == (math.inf, 2.0)
    assert relative([squares(floats([np.inf]), floats([1]))]) == math.inf


def test_where_fp32_has_no_number_nothing_is_compared() -> None:
    assert squares(floats([np.nan, 2]), floats([np.nan, 1])) == (1.0, 1.0)


def test_errors_of_nothing() -> None:
    assert relative([(0.0, 0.0)]) == 0.0
    assert relative([(1.0, 0.0)]) == math.inf
