"""A variant's own outputs on this machine: what the file alone costs."""

from pathlib import Path

import numpy as np
import pytest

from harness.errors import Code, FarmError
from harness.models import host
from harness.models.host_runs import float16_floor, on_host
from harness.models.mnn_tool import ToolError
from harness.models.source import resolve
from harness.models.variants import make_variant
from harness.precision import Memory, Weights
from tests.models.builders import float_samples, linear_by_hand, linear_model, source_of

SAMPLES = float_samples(6)


def test_the_fp32_file_computes_what_the_model_does(tmp_path: Path) -> None:
    variant = make_variant(source_of(linear_model(tmp_path / "m.onnx")), Weights(), SAMPLES, cache=tmp_path)
    outputs = on_host(variant, SAMPLES, Memory.NORMAL, cache=tmp_path)
    np.testing.assert_allclose(outputs, linear_by_hand(SAMPLES.x), rtol=1e-5, atol=1e-5)


def test_eight_bits_cost_something_and_int8_arithmetic_more(tmp_path: Path) -> None:
    variant = make_variant(source_of(linear_model(tmp_path / "m.onnx")), Weights(bits=8), SAMPLES, cache=tmp_path)
    exact = linear_by_hand(SAMPLES.x)
    normal = on_host(variant, SAMPLES, Memory.NORMAL, cache=tmp_path)
    low = on_host(variant, SAMPLES, Memory.LOW, cache=tmp_path)
    distance = [np.linalg.norm(outputs - exact) / np.linalg.norm(exact) for outputs in (normal, low)]
    assert 1e-4 < distance[0] < 0.02
    assert not np.array_equal(normal, low)


def test_outputs_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = make_variant(source_of(linear_model(tmp_path / "m.onnx")), Weights(), SAMPLES, cache=tmp_path)
    first = on_host(variant, SAMPLES, Memory.NORMAL, cache=tmp_path)

    def crash(*_: object, **__: object) -> None:
        raise ToolError("was killed by SIGSEGV", "")

    monkeypatch.setattr(host, "run_file", crash)
    np.testing.assert_array_equal(on_host(variant, SAMPLES, Memory.NORMAL, cache=tmp_path), first)
    with pytest.raises(FarmError) as caught:
        on_host(variant, float_samples(6, seed=3), Memory.NORMAL, cache=tmp_path)
    assert caught.value.problem.code is Code.REFERENCE_FAILED


def test_an_mnn_model_has_no_floor(tmp_path: Path) -> None:
    variant = make_variant(source_of(linear_model(tmp_path / "m.onnx")), Weights(), SAMPLES, cache=tmp_path)
    source = resolve(name="test", file=variant.path, size=16)
    assert float16_floor(source, SAMPLES, cache=tmp_path) is None
