import shutil
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from harness.errors import Code, FarmError, InputError
from harness.models import mnn_tool
from harness.models.golden import golden
from harness.models.source import Kind, resolve
from harness.models.variants import make_variant, why_impossible
from harness.precision import CATALOGUE, Weights
from tests.models.builders import float_samples, linear_by_hand, linear_model, save, source_of

SAMPLES = float_samples(4)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mnn")
    made = make_variant(source_of(linear_model(folder / "m.onnx")), Weights(), SAMPLES, cache=folder)
    shutil.copy(made.path, folder / "user.mnn")
    return folder / "user.mnn"


def test_an_mnn_file_is_looked_into_by_mnn(stored: Path) -> None:
    source = resolve(name="mine", file=stored)
    assert (source.kind, source.path) == (Kind.MNN, stored)
    assert source.signature == source_of(stored.with_name("m.onnx")).signature


def test_its_reference_is_itself_in_fp32(stored: Path) -> None:
    outputs = golden(resolve(name="mine", file=stored), SAMPLES, cache=stored.parent)
    np.testing.assert_allclose(outputs, linear_by_hand(SAMPLES.x), rtol=1e-4, atol=1e-4)


def test_it_is_its_own_only_variant(stored: Path) -> None:
    source = resolve(name="mine", file=stored)
    variant = make_variant(source, Weights(), SAMPLES)
    assert (variant.path, variant.sha256, variant.converted) == (stored, source.sha256, False)
    for name in ("fp32", "fp16", "bf16"):
        assert why_impossible(source, CATALOGUE[name].weights, SAMPLES) is None
    for name in ("fp16-weights", "fp16-full", "w8", "w4-block32-lowmem", "int8"):
        assert "keeps its weights as they are stored" in str(why_impossible(source, CATALOGUE[name].weights, SAMPLES))
    with pytest.raises(FarmError, match="keeps its weights"):
        make_variant(source, Weights(half=True), SAMPLES)


@pytest.mark.parametrize("content", [b"", b"not a model" * 50])
def test_a_file_that_is_not_an_mnn_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.mnn").write_bytes(content)
    with pytest.raises(InputError, match=r"MNN cannot load m\.mnn") as caught:
        resolve(name="mine", file=tmp_path / "m.mnn")
    assert caught.value.problem.code is Code.BAD_MODEL


def test_a_size_that_it_does_not_take(stored: Path) -> None:
    with pytest.raises(InputError, match="does not take the size 99"):
        resolve(name="mine", file=stored, size=99)


def convert(folder: Path) -> Path:
    files = {"onnx": str(folder / "m.onnx"), "mnn": str(folder / "m.mnn")}
    mnn_tool.ask("convert", **files, flags=[], deadline_s=60)
    return folder / "m.mnn"


def test_a_dynamic_size_needs_a_size_and_takes_it(tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx", batch="N", side="S")
    with pytest.raises(InputError, match="say `size:`"):
        resolve(name="mine", file=convert(tmp_path))
    source = resolve(name="mine", file=tmp_path / "m.mnn", size=16)
    assert source.signature.input_shape == (1, 1, 16, 16)
    assert source.signature.output_shape == (1, 10)
    outputs = golden(source, SAMPLES, cache=tmp_path)
    np.testing.assert_allclose(outputs, linear_by_hand(SAMPLES.x), rtol=1e-4, atol=1e-4)


def test_a_model_with_several_inputs(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Flatten", ["sum"], ["out"])]
    shape: list[int | str | None] = [1, 3, 4, 4]
    save(tmp_path / "m.onnx", nodes, {}, inputs={"a": shape, "b": shape}, outputs={"out": [1, 48]})
    with pytest.raises(InputError, match="exactly one input, has a, b"):
        resolve(name="mine", file=convert(tmp_path))
