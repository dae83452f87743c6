"""MNN, onnx and torch stay where they belong."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import harness.models
from harness.errors import Code, FarmError
from harness.models import host, mnn_tool
from harness.models.variants import make_variant
from harness.models.worker_process import ToolError, tail
from harness.precision import Weights
from tests.models.builders import float_samples, linear_model, network, source_of

MODULES = [
    f"harness.models.{path.stem}" for path in Path(harness.models.__file__).parent.glob("*.py") if path.stem[0] != "_"
]


def loaded_after(code: str) -> set[str]:
    code += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_no_engine() -> None:
    heavy = {"MNN", "_tools", "_mnncengine", "onnx", "onnxruntime", "PIL", "torch", "timm", "ray"}
    assert not heavy & loaded_after(f"import {', '.join(MODULES)}")


def test_making_and_running_a_variant_loads_mnn_elsewhere_only(tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx")
    code = f"""
from pathlib import Path
from harness.models import host
from harness.models.golden import golden
from harness.models.variants import make_variant
from harness.precision import Weights
from tests.models.builders import float_samples, source_of
source, samples, cache = source_of(Path({str(tmp_path / "m.onnx")!r})), float_samples(2), Path({str(tmp_path)!r})
golden(source, samples, cache=cache)
variant = make_variant(source, Weights(half=True), samples, cache=cache)
host.run_file(variant.path, variant.signature, samples, runtime=host.fp32()); pass"""
    assert not {"MNN", "_tools", "_mnncengine"} & loaded_after(code)


def test_a_worker_ends_at_its_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"did not end within 0\.05 s"):
        mnn_tool.ask("inspect", model="/none.mnn", deadline_s=0.05)
    assert time.monotonic() - started < 5


def test_a_worker_that_fails_shows_its_last_lines() -> None:
    with pytest.raises(ToolError, match="exit code 1") as caught:
        mnn_tool.ask("inspect", model="/none.mnn", deadline_s=60)
    assert "/none.mnn" in caught.value.output
    assert "PyMNNInterpreter_new" in caught.value.output


def test_a_worker_leaves_nothing_where_it_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make_variant(source, Weights(), float_samples(1), cache=tmp_path)
    assert not list((tmp_path / "here").iterdir())


def test_relative_caches_reach_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FARM_CACHE", "cache")
    variant = make_variant(source, Weights(), float_samples(1))
    assert variant.path.is_absolute()
    assert host.run_file(variant.path, variant.signature, float_samples(1), runtime=host.fp32()).shape == (1, 10)


def test_outputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    import dataclasses

    variant = make_variant(source_of(linear_model(tmp_path / "m.onnx")), Weights(), float_samples(1), cache=tmp_path)
    wrong = dataclasses.replace(variant.signature, output_shape=(1, 9))
    with pytest.raises(FarmError, match=r"float32 \[1, 10\] on this machine, not float32 \[1, 9\]") as caught:
        host.run_file(variant.path, wrong, float_samples(1), runtime=host.fp32())
    assert caught.value.problem.code is Code.OUTPUT_MISMATCH


def test_hints_and_threads_reach_the_engine(tmp_path: Path) -> None:
    """Without Winograd (hint 3, level 0) a 3x3 convolution adds in another order, which the last bits show."""
    samples = float_samples(2, channels=3)
    variant = make_variant(source_of(network(tmp_path / "m.onnx")), Weights(), samples, cache=tmp_path)
    plain, hinted, threaded = (
        host.run_file(variant.path, variant.signature, samples, runtime=host.fp32(threads), hints=hints)
        for threads, hints in ((1, ()), (1, ((3, 0),)), (2, ()))
    )
    assert (plain != hinted).any()
    np.testing.assert_allclose(plain, hinted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(plain, threaded, rtol=1e-4, atol=1e-5)


def test_the_tail_has_the_last_lines_and_no_progress_bars() -> None:
    output = b"\r".join(b"%d %%" % percent for percent in range(101)) + b"\n\nlast \xff line\n"
    lines = tail(output).splitlines()
    assert lines[-2:] == ["100 %", "last \ufffd line"]
    assert len(lines) == 12
