"""The value probe: which tensors speak for float16, and which say nothing."""

from typing import Any

import numpy as np
import pytest

from harness.agent.operators import Operator, largest, share, watched
from harness.agent.values import is_half, on_levels

RANDOM = np.random.default_rng(3).standard_normal(1000).astype(np.float32)
HALF = RANDOM.astype(np.float16).astype(np.float32)


def test_float16_values_are_known() -> None:
    assert is_half(HALF) is True
    assert is_half(HALF.reshape(1, 10, 10, 10)) is True


def test_float32_values_are_known() -> None:
    assert is_half(RANDOM) is False


def test_one_value_too_fine_is_enough() -> None:
    mixed = HALF.copy()
    mixed[500] = 1.0001
    assert is_half(mixed) is False


def test_bfloat16_values_that_float16_can_hold() -> None:
    # Eight bits of significand fit into eleven: this is why bf16 needs another proof.
    bits = (RANDOM.view(np.uint32) & 0xFFFF0000).view(np.float32)
    normal = bits[np.abs(bits) > 1e-3]
    assert is_half(normal) is True


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(1000, np.float32),
        np.arange(1000, dtype=np.float32),
        np.full(1000, 0.5, np.float32),
        np.tile(np.array([0.25, 0.5, 0.75], np.float32), 300),
        np.maximum(-np.abs(RANDOM), 0),
        np.array([], np.float32),
        HALF[:10],
        np.append(HALF, np.float32(np.inf)),
        np.append(HALF, np.float32(np.nan)),
        np.arange(1000, dtype=np.int32),
        np.arange(100, dtype=np.int8),
    ],
)
def test_tensors_that_say_nothing(values: Any) -> None:
    assert is_half(values) is None


def test_values_too_large_for_float16() -> None:
    assert is_half(RANDOM * np.float32(1e6)) is False


LEVELS = np.random.default_rng(4).integers(-128, 128, 2000).astype(np.float32)


@pytest.mark.parametrize("step", [1.0, 0.0388, 3e-5, 1234.5])
def test_values_on_int8_levels(step: float) -> None:
    assert on_levels(LEVELS * np.float32(step)) is True
    assert on_levels(LEVELS[LEVELS > 0] * np.float32(step)) is True
    assert on_levels(((LEVELS // 2) * 2 + 1) * np.float32(step)) is True, "every second level"


def test_few_values_far_apart_on_levels() -> None:
    assert (
        on_levels(np.array([0, 3, 5, 9, 11, 20, 41, 60, 77, 90, 120, 200, 255], np.float32) * np.float32(0.1)) is True
    )


@pytest.mark.parametrize(
    "values", [RANDOM, HALF, RANDOM[:20], np.append(LEVELS, np.float32(0.5)), LEVELS * 2 + 300 * (LEVELS > 0)]
)
def test_values_on_no_levels(values: Any) -> None:
    assert on_levels(values.astype(np.float32)) is False


@pytest.mark.parametrize(
    "values", [np.zeros(1000, np.float32), np.arange(5, dtype=np.float32), np.append(LEVELS, np.float32(np.nan))]
)
def test_values_that_tell_nothing_of_levels(values: Any) -> None:
    assert on_levels(values) is None


class Info:
    def __init__(self, flops: float, kind: str = "Convolution") -> None:
        self.getName, self.getType, self.getFlops = (lambda: "n" * 500), (lambda: kind), (lambda: flops)


def test_an_operator_as_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.agent.operators.host", lambda tensor: tensor)
    seen = watched([HALF, RANDOM], Info(flops=0.1))
    assert (seen.half, seen.tensors, seen.half_tensors, seen.levels) == (False, 2, 1, None)
    assert seen.multiplies, "100,000 for 2,000 numbers"
    assert not watched([HALF, RANDOM], Info(flops=0.002)).multiplies, "one for each number"
    assert watched([LEVELS], Info(0.1, "Convolution [ DT_INT8 ] ")).levels is True
    assert watched([LEVELS], Info(0.1, "Convolution [ DT_INT8 ] ")).int8
    assert watched([np.zeros(9, np.float32)], Info(0.1)).half is None


def test_shares_and_names_of_operators() -> None:
    operators = [Operator("n" * 500, "t [ DT_INT8 ] ", float(flops), True, False, None, 1, 0) for flops in range(20)]
    assert share(operators[:5], operators) == pytest.approx(10 / 190)
    assert share([], []) is None
    named = largest(operators, operators)
    assert [each["share"] for each in named] == pytest.approx([flops / 190 for flops in range(19, 3, -1)])
    assert {each["type"] for each in named} == {"t"}
    assert all(len(each["name"]) == 120 for each in named)
    assert [each["share"] for each in largest(operators[:2], operators)] == pytest.approx([1 / 190]), (
        "none without flops"
    )
