"""Weights in few bits: by hand, and as MNN's own converter stores them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from harness.diagnose.lint import few_bits
from harness.diagnose.lint.half import relative
from harness.diagnose.lint.operands import operands
from harness.models import host, mnn_tool
from harness.models.signature import Signature
from tests.diagnose.lint.builders import Floats, call, floats, model


def test_a_channel_has_equal_steps_from_its_smallest_to_its_largest_weight() -> None:
    rows = floats([[0, 1, 2, 15.0], [-3, -1.6, 0, 12], [5, 5, 5, 5]])
    # Four bits: 16 levels. The first row is one apart, the second too, and -1.6 falls on -2.
    assert few_bits.stored(rows, 4).tolist() == [[0, 1, 2, 15], [-3, -2, 0, 12], [5, 5, 5, 5]]


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8]))
def test_no_weight_moves_by_more_than_half_a_step(seed: int, bits: int) -> None:
    rows = floats(np.random.RandomState(seed).randn(3, 20))
    step = np.ptp(rows, axis=1) / (2**bits - 1)
    assert (abs(few_bits.stored(rows, bits) - rows).max(axis=1) <= 0.501 * step).all()


def test_weights_that_are_too_small_come_back_alike() -> None:
    """A step of 2e-4 / 255 is below 1e-6, one of 2e-4 / 15 is not: eight bits are worse than four."""
    rows = floats([[-1e-4, 0, 3e-5, 1e-4]])
    assert few_bits.stored(rows, 8).tolist() == [floats([-1e-4] * 4).tolist()]
    assert len(set(few_bits.stored(rows, 4)[0].tolist())) == 4
    seen = [{8: (1.0, 1.0), 4: (1.0, 1.0)}]
    found = few_bits.figures(rows, seen)
    assert (found[8].lost, found[4].lost) == (1.0, 0.0)


def test_channels_that_are_constant_anyway_are_not_lost() -> None:
    assert few_bits.figures(floats([[0.5, 0.5], [0, 1]]), [{8: (0.0, 1.0), 4: (0.0, 1.0)}])[8].lost == 0.0


def test_the_error_of_normal_weights_is_the_one_that_the_limits_start_from() -> None:
    """Six standard deviations in 255 steps, an even error in each: 6 / 255 / sqrt(12) = 0.0068."""
    rows = floats(np.random.RandomState(0).randn(200, 500))
    found = few_bits.figures(rows, [{8: (0.0, 1.0), 4: (0.0, 1.0)}])
    assert found[8].weights == pytest.approx(0.0068, rel=0.05)
    assert found[4].weights == pytest.approx(0.12, rel=0.05)


def test_the_channel_with_the_widest_range_is_named() -> None:
    rows = floats(np.ones((3, 5)) * [1, -1, 2, 1, 1])
    rows[1, 4] = -40
    assert few_bits.spread(rows) == (40.0, 1)
    assert few_bits.spread(floats(np.zeros((2, 3)))) == (1.0, 0)


def test_an_outlier_hardly_shows_in_the_weights_but_in_the_output() -> None:
    """Its column meets inputs a thousand times smaller."""
    random = np.random.RandomState(0)
    w, x = random.randn(8, 16), random.randn(1, 16, 12, 12)
    w[:, 3] *= 1000
    x[:, 3] /= 1000
    made = call("Conv", [floats(x)], {"w": floats(w[:, :, None, None])})
    found = operands(made, count=4000, random=random)
    assert found is not None
    assert found.rows is not None
    lost = few_bits.lost_by_storing(floats(w), found.rows, 8)
    stored = few_bits.stored(floats(w), 8).astype(np.float64)
    flat = x.reshape(16, -1)
    by_hand = np.linalg.norm((stored - w) @ flat) / np.linalg.norm(w @ flat)
    assert relative([few_bits.output_squares(found, lost)]) == pytest.approx(by_hand, rel=0.05)
    assert by_hand > 0.5
    assert np.linalg.norm(stored - w) / np.linalg.norm(w) < 0.01


ROWS = 12


def weights() -> Floats:
    rows = floats(np.random.RandomState(0).randn(ROWS, 16))
    rows[3], rows[4], rows[6], rows[7] = np.abs(rows[3]) + 1, -np.abs(rows[4]) - 0.5, 0, 0.25
    rows[5, 3] *= 1000
    for row, span in ((8, 3e-4), (9, 2e-4), (10, 1e-5)):
        rows[row] *= span / np.ptp(rows[row])
    return rows


@pytest.mark.parametrize("bits", few_bits.BITS)
def test_the_converter_stores_them_so(bits: int, tmp_path: Path) -> None:
    """One input after the other is 1 and the rest 0, so that the weights come out."""
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["flat"]),
        helper.make_node("Conv", ["flat", "w"], ["maps"]),
        helper.make_node("Flatten", ["maps"], ["out"]),
    ]
    arrays = {"shape": np.array([1, 16, 1, 1]), "w": weights()[:, :, None, None]}
    path, made = tmp_path / "m.onnx", tmp_path / "m.mnn"
    onnx.save(onnx.shape_inference.infer_shapes(model(nodes, arrays, inputs={"image": (1, 1, 4, 4)})), str(path))
    flags = ["--weightQuantBits", str(bits)]
    mnn_tool.ask("convert", onnx=str(path), mnn=str(made), flags=flags, deadline_s=120)
    signature = Signature("image", (1, 1, 4, 4), "out", (1, ROWS))
    x = np.eye(16, dtype=np.float32).reshape(16, 1, 4, 4)
    found = host.run_images(made, signature, x, (), (), runtime=host.fp32()).T
    wanted = few_bits.stored(weights(), bits)
    scale = np.abs(wanted).max(axis=1, keepdims=True) + 1e-30
    np.testing.assert_allclose(found / scale, wanted / scale, atol=2e-6)
