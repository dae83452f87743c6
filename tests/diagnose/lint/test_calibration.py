"""The calibration pass: figures against what was worked out by hand or by numpy."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from harness.diagnose.lint.calibration import calibrate
from harness.diagnose.lint.figures import Calibration
from harness.diagnose.lint.half import UNIT_ROUNDOFF, half
from harness.diagnose.lint.propagation import ROUNDING
from harness.diagnose.lint.tensors import TensorSums
from harness.errors import Code, FarmError, InputError
from tests.diagnose.lint.builders import Floats, floats, model, observed

RANDOM = np.random.RandomState(5)
IMAGES = [floats(RANDOM.randn(1, 4, 8, 8)) for _ in range(2)]
SHAPE: dict[str, tuple[int, ...]] = {"x": (1, 4, 8, 8)}


def node(op: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs, [output], name=f"/{output}", **attributes)


def calibration(nodes: list[Any], folder: Path, weights: dict[str, Any] | None = None) -> Calibration:
    return observed(model(nodes, weights or {}, inputs=SHAPE), IMAGES, folder)[1]


def error(found: Floats, right: Floats) -> float:
    wrong = found.astype(np.float64) - right
    return float(np.linalg.norm(wrong) / np.linalg.norm(right.astype(np.float64)))


def test_a_tensor_in_figures() -> None:
    values = floats([0, 0, -70000, 1e-9, 3, np.nan, np.inf, 1e-7])
    found = (TensorSums.of(values) + TensorSums.of(floats([4, -1e-3]))).figures
    assert (found.largest, found.nonfinite) == (70000.0, 2)
    assert found.smallest == pytest.approx(1e-9)
    assert (found.zeros, found.vanishing, found.overflowing) == (0.2, 0.1, 0.1)
    assert found.rms == pytest.approx(math.sqrt((70000.0**2 + 9 + 16) / 10))


def test_a_tensor_of_zeros() -> None:
    found = TensorSums.of(floats(np.zeros(3))).figures
    assert (found.largest, found.smallest, found.rms, found.zeros) == (0.0, math.inf, 0.0, 1.0)


def test_every_float_tensor_is_looked_at(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], "y"),
        node("Shape", ["y"], "shape"),
        node("Reshape", ["y", "shape"], "out"),
    ]
    found = calibration(nodes, tmp_path)
    assert set(found.tensors) == {"x", "y", "out"}
    assert set(found.nodes) == {"/y", "/out"}
    assert found.images == 2
    together = np.maximum(np.stack(IMAGES), 0)
    assert found.tensors["y"].largest == together.max()
    assert found.tensors["y"].zeros == pytest.approx(np.mean(together == 0))


def test_moving_numbers_loses_nothing_and_passes_errors_on(tmp_path: Path) -> None:
    found = calibration([node("Transpose", ["x"], "out", perm=[0, 2, 3, 1])], tmp_path).nodes["/out"]
    assert (found.error, found.fresh) == (0.0, 0.0)
    assert found.gains["x"] == pytest.approx(1.0, rel=0.05)


def test_an_operator_rounds_its_inputs_its_constants_and_its_output(tmp_path: Path) -> None:
    found = calibration([node("Mul", ["x", "c"], "out")], tmp_path, {"c": floats(1.0003)}).nodes["/out"]
    x = np.stack(IMAGES)
    out = half(half(x) * half(floats(1.0003)))
    assert found.error == pytest.approx(error(out, x * np.float32(1.0003)), rel=1e-3)
    assert found.fresh == pytest.approx(error(out, half(x) * np.float32(1.0003)), rel=1e-3)
    assert list(found.gains) == ["x"]


def test_a_difference_of_near_equals_amplifies(tmp_path: Path) -> None:
    """x + 1000 - 1000: rounding costs u at 1000, where x is 1; an error of 1 % of the sum is ten times x."""
    nodes = [node("Add", ["x", "c"], "y"), node("Sub", ["y", "c"], "out")]
    found = calibration(nodes, tmp_path, {"c": floats(1000)}).nodes["/out"]
    x, y = np.stack(IMAGES), np.stack(IMAGES) + np.float32(1000)
    assert found.gains["y"] == pytest.approx(1000 / np.sqrt(np.mean(x**2)), rel=0.1)
    assert found.error == pytest.approx(error(half(half(y) - np.float32(1000)), y - np.float32(1000)), rel=1e-3)
    assert found.error > 100 * found.fresh


def test_gains_of_a_residual_sum_are_shares_of_the_norm(tmp_path: Path) -> None:
    nodes = [node("Mul", ["x", "c"], "y"), node("Add", ["x", "y"], "out")]
    gains = calibration(nodes, tmp_path, {"c": floats(0.25)}).nodes["/out"].gains
    assert gains == {"x": pytest.approx(1 / 1.25, rel=0.1), "y": pytest.approx(0.25 / 1.25, rel=0.1)}


def test_a_tensor_used_twice_changes_in_both_places(tmp_path: Path) -> None:
    """The square has twice the relative error: |d(x^2)| / |x^2|, for random x, is 2 sqrt(E x^4) / sqrt(E x^4)."""
    assert calibration([node("Mul", ["x", "x"], "out")], tmp_path).nodes["/out"].gains == {
        "x": pytest.approx(2.0, rel=0.1)
    }


def test_a_sum_in_a_model(tmp_path: Path) -> None:
    weights = floats(RANDOM.randn(3, 4, 1, 1))
    found = calibration([node("Conv", ["x", "w"], "out")], tmp_path, {"w": weights}).nodes["/out"]
    assert found.sums is not None
    assert found.sums.length == 4
    assert UNIT_ROUNDOFF / 2 < found.error < 2 * UNIT_ROUNDOFF
    assert set(found.few_bits) == {8, 4}
    assert found.few_bits[8].output < found.few_bits[4].output


def test_averages_of_fp32_inside_lose_what_storing_does(tmp_path: Path) -> None:
    """ReduceMean runs in fp32: of 64 inputs the rounding averages out, that of the output stays."""
    found = calibration([node("ReduceMean", ["x"], "out", axes=[2, 3])], tmp_path).nodes["/out"]
    assert found.sums is None
    assert found.fresh == pytest.approx(ROUNDING, rel=0.5)


@pytest.mark.parametrize(("op", "size"), [("HardSwish", 4.7e-4), ("Sigmoid", 1.2e-3)])
def test_what_kernels_lose_by_themselves_counts(op: str, size: float, tmp_path: Path) -> None:
    assert calibration([node(op, ["x"], "out")], tmp_path).nodes["/out"].fresh == size


def test_a_division_by_what_vanishes_is_infinitely_wrong(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], "r"),
        node("Add", ["r", "eps"], "below"),
        node("Div", ["r", "below"], "out"),
    ]
    found = calibration(nodes, tmp_path, {"eps": floats(1e-15)}).nodes
    assert found["/below"].error < UNIT_ROUNDOFF
    assert (found["/out"].error, found["/out"].fresh) == (math.inf, math.inf)


def test_operators_that_do_not_run_alone_are_rounded(tmp_path: Path) -> None:
    """A branch reads tensors from around it."""
    value = helper.make_tensor_value_info
    then = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["t"])], "then", [], [value("t", TensorProto.FLOAT, SHAPE["x"])]
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["e"])], "else", [], [value("e", TensorProto.FLOAT, SHAPE["x"])]
    )
    nodes = [helper.make_node("If", ["which"], ["out"], name="/out", then_branch=then, else_branch=other)]
    found = calibration(nodes, tmp_path, {"which": np.array(True)}).nodes["/out"]
    assert found.error == pytest.approx(error(half(np.stack(IMAGES)), np.stack(IMAGES)))
    assert found.gains == {}


def test_equal_passes_give_equal_figures(tmp_path: Path) -> None:
    nodes = [node("Conv", ["x", "w"], "out")]
    weights = {"w": floats(RANDOM.randn(3, 4, 3, 3))}
    assert calibration(nodes, tmp_path, weights) == calibration(nodes, tmp_path, weights)


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    made = model([node("Relu", ["x"], "out")], {}, inputs=SHAPE)
    here = observed(made, IMAGES, tmp_path)
    graph, there = calibrate(tmp_path / "model.onnx", IMAGES)
    assert there == here[1]
    assert graph.nodes == here[0].nodes


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError) as caught:
        calibrate(tmp_path / "m.onnx", IMAGES)
    assert caught.value.problem.code is Code.BAD_MODEL


def test_a_model_that_does_not_run(tmp_path: Path) -> None:
    made = model([node("Reshape", ["x", "shape"], "out")], {"shape": np.array([7])}, inputs=SHAPE)
    with pytest.raises(FarmError) as caught:
        observed(made, IMAGES, tmp_path)
    assert caught.value.problem.code is Code.REFERENCE_FAILED
