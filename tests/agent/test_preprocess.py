"""From pixels to a model's input: the formula in float64, and the same bits however the batch is cut."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.agent.preprocess import normalise, prepared

SHAPES = st.tuples(st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9))
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@given(hnp.arrays(np.uint8, SHAPES))
def test_the_formula(pixels: Any) -> None:
    found = normalise(pixels, MEAN, STD)
    expected = np.stack(
        [(pixels[:, c % pixels.shape[1]].astype(np.float64) / 255 - MEAN[c]) / STD[c] for c in range(3)], axis=1
    )
    assert found.dtype == np.float32
    assert found.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(hnp.arrays(np.uint8, SHAPES))
def test_one_image_or_all_the_bits_are_the_same(pixels: Any) -> None:
    whole = normalise(pixels, MEAN, STD)
    singly = np.concatenate([prepared(pixels, index, MEAN, STD) for index in range(len(pixels))])
    assert singly.tobytes() == whole.tobytes()


def test_floats_are_taken_as_they_are() -> None:
    batch = np.random.default_rng(0).standard_normal((3, 2, 4, 4)).astype(np.float32)
    assert prepared(batch, 1, [], []).tobytes() == batch[1:2].tobytes()


@pytest.mark.parametrize(
    ("array", "mean", "std"),
    [
        (np.zeros((1, 3, 2, 2), np.int16), MEAN, STD),
        (np.zeros((3, 2, 2), np.uint8), MEAN, STD),
        (np.zeros((1, 2, 2, 2), np.uint8), MEAN, STD),
        (np.zeros((1, 3, 2, 2), np.uint8), MEAN, STD[:2]),
        (np.zeros((1, 3, 2, 2), np.uint8), [], []),
    ],
)
def test_what_does_not_fit(array: Any, mean: list[float], std: list[float]) -> None:
    with pytest.raises(ValueError, match=r"must be|channels"):
        normalise(array, mean, std)
