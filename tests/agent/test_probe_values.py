"""The value probe: which tensors speak for float16, and which say nothing."""

from typing import Any

import numpy as np
import pytest

from harness.agent.values import is_half

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
