"""The capture on this machine's engine: its figures, had in other ways as well."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from harness.captured import Capture, OperatorError
from harness.fleet.captures import captured
from tests.agent.capture_models import convolution_alone, many_kinds
from tests.agent.models import SAMPLES, Model, convolutions
from tests.agent.served import FP32, Served, first_output, npy

LOW_MEMORY = {**FP32, "memory": 2}


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return convolutions(tmp_path_factory.mktemp("quantised"), "--weightQuantBits", "8")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return many_kinds(tmp_path_factory.mktemp("kinds"))


@pytest.fixture(autouse=True)
def _close(served: Served) -> object:
    yield
    served.close()


def capture(served: Served, of: Model | None = None, runtime: dict[str, int] = FP32) -> Capture:
    model = served.agent.store(of.mnn) if of else served.model
    assert served.open(model=model, runtime=runtime).ok
    reply = served.ask("capture", index=0, control=model)
    assert reply.ok, reply.header
    return captured(reply.payload)


def by_name(found: Capture) -> dict[str, OperatorError]:
    return {each.name: each for each in found.operators}


def relative(given: NDArray[Any], right: NDArray[Any]) -> float:
    return float(np.linalg.norm(given.astype(np.float64) - right) / np.linalg.norm(right.astype(np.float64)))


def test_at_full_precision_nothing_is_wrong(served: Served, model: Model) -> None:
    found = capture(served)
    assert (found.undisturbed, found.control_undisturbed, found.restored) == (True, True, True)
    assert (found.unmatched, found.output_relative_l2) == (0, 0.0)
    assert {(each.relative_l2, each.made, each.nonfinite) for each in found.operators} == {(0.0, 0.0, 0)}
    assert all(each.rounding is not None and each.rounding < 1e-3 for each in found.operators)


@pytest.mark.parametrize("tensor", ["c2", "gate", "gated"])
def test_sizes_are_those_of_onnxruntime(served: Served, model: Model, tensor: str) -> None:
    operator = by_name(capture(served))[tensor]
    right = model.reference(SAMPLES[:1], tensor).astype(np.float64)
    assert operator.elements == right.size
    assert operator.largest == pytest.approx(np.abs(right).max(), rel=1e-4)
    assert operator.rms == pytest.approx(math.sqrt((right**2).mean()), rel=1e-4)
    assert (operator.near_overflow, operator.flushed) == (0, 0)


def test_the_error_so_far_is_that_of_the_outputs(served: Served, quantised: Model) -> None:
    digest, answers = served.agent.store(quantised.mnn), []
    for runtime in (LOW_MEMORY, FP32):
        assert served.open(model=digest, runtime=runtime).ok
        answers.append(first_output(served.infer(count=3)))
        served.close()
    assert served.open(model=digest, runtime=LOW_MEMORY).ok
    for index in (0, 2):
        found = captured(served.ask("capture", index=index, control=digest).payload)
        expected = relative(answers[0][index], answers[1][index])
        assert expected > 1e-4  # or it would show nothing
        assert found.output_relative_l2 == pytest.approx(expected, rel=1e-5)
        assert found.operators[-1].relative_l2 == pytest.approx(expected, rel=1e-5)
        assert (found.undisturbed, found.control_undisturbed, found.restored) == (True, True, True)


def test_the_error_made_here_is_that_of_the_operator_alone(served: Served, quantised: Model, tmp_path: Path) -> None:
    found = by_name(capture(served, of=quantised, runtime=LOW_MEMORY))
    first, second, gate, gated = (found[name] for name in ("c1", "c2", "gate", "gated"))
    assert first.relative_l2 == first.made, "what it is fed is right already"
    assert gate.made == gated.made == 0
    assert min(gate.relative_l2 or 0, gated.relative_l2 or 0) > 1e-4, "passed through"

    # The second convolution as a model of its own, fed with what the first one answers at full precision.
    served.close()
    assert served.open(model=served.agent.store(quantised.mnn), outputs=["r1"]).ok
    fed = served.agent.store(npy(first_output(served.infer(count=1))))
    weights = {
        each.name: numpy_helper.to_array(each) for each in onnx.load(str(quantised.onnx_file)).graph.initializer
    }
    alone = served.agent.store(convolution_alone(tmp_path, weights["w2"], "--weightQuantBits", "8").mnn)
    answers = []
    for runtime in (LOW_MEMORY, FP32):
        served.close()
        assert served.open(model=alone, runtime=runtime).ok
        answers.append(first_output(served.infer(batch=fed, count=1, mean=[], std=[])))
    assert second.made == pytest.approx(relative(*answers), rel=1e-5)
    assert 0 < (second.made or 0) < (second.relative_l2 or 0)


def test_rounding_is_what_onnxruntime_makes_of_rounded_inputs(served: Served, model: Model, tmp_path: Path) -> None:
    operator = by_name(capture(served))["c2"]
    weights = {each.name: numpy_helper.to_array(each) for each in onnx.load(str(model.onnx_file)).graph.initializer}
    given = model.reference(SAMPLES[:1], "r1")
    rough = given.astype(np.float16).astype(np.float32)
    alone = convolution_alone(tmp_path, weights["w2"])
    expected = relative(alone.reference(rough), alone.reference(given))
    assert operator.rounding == pytest.approx(expected, rel=0.02)
    assert operator.amplification == pytest.approx(expected / relative(rough, given), rel=0.02)


def test_names_are_those_of_the_model_or_helpers(served: Served, model: Model) -> None:
    tensors = {name for node in onnx.load(str(model.onnx_file)).graph.node for name in node.output}
    for name in by_name(capture(served)):
        assert re.sub(r"(__matmul_converted)?(_raster_\d+)?$", "", name) in tensors


@pytest.mark.parametrize("runtime", [FP32, {**FP32, "precision": 2}])
def test_operators_of_many_kinds_depend_on_their_inputs_alone(
    served: Served, kinds: Model, runtime: dict[str, int]
) -> None:
    found = capture(served, of=kinds, runtime=runtime)
    assert (found.undisturbed, found.control_undisturbed, found.restored, found.unmatched) == (True, True, True, 0)
    operators = by_name(found)
    top = operators["largest"]
    assert (top.elements, top.integers) == (128, 64), "both of its outputs"
    assert top.amplification is None, "an index is not small or large"
    assert (operators["which"].elements, operators["which"].integers) == (8, 8)
    assert operators["divisor"].elements == 1
    assert all(each.made is not None for each in found.operators)
    # A softmax of large numbers: all but one of the eight in each row are next to nothing.
    assert operators["weights"].tiny == (kinds.reference(SAMPLES[:1], "weights") < 2**-14).mean() == 7 / 8


def test_a_scratch_file_is_gone_and_what_is_equal_is_kept_once(served: Served, model: Model) -> None:
    found = capture(served)
    assert not [path.name for path in (served.workdir / "tmp").iterdir() if not path.name.endswith(".log")]
    # By hand: image, c1, c2, gate, gated of 16 x 16, and less than 1 KB behind the pooling; all float32.
    assert found.scratch_mb == pytest.approx((3 + 4 * 32) * 256 * 4 / 2**20, abs=1e-3)


def test_images_that_are_not_there(served: Served) -> None:
    assert served.open().ok
    assert served.ask("capture", index=6, control=served.model).code == "inference-failed"
    assert served.ask("capture", control=served.model).code == "inference-failed"
    assert served.infer().ok
