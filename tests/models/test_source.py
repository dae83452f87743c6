from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harness.errors import Code, FarmError, InputError
from harness.models.golden import golden
from harness.models.source import Kind, resolve
from tests.models.builders import CLASSES, float_samples, linear_by_hand, linear_model, save


def refusal(**arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        resolve(name="mine", **arguments)
    assert caught.value.problem.code is Code.BAD_MODEL
    return caught.value.problem.message


def flat(path: Path, shape: list[int | str | None], **options: Any) -> Path:
    nodes = [helper.make_node("Flatten", ["image"], ["out"])]
    return save(path, nodes, {}, inputs={"image": shape}, outputs={"out": [1, None]}, **options)


def test_a_static_model_is_used_as_it_lies(tmp_path: Path) -> None:
    path = linear_model(tmp_path / "m.onnx")
    source = resolve(name="mine", file=path)
    assert (source.kind, source.path, source.name) == (Kind.ONNX, path, "mine")
    assert source.signature.input_name == "image"
    assert source.signature.input_shape == (1, 1, 16, 16)
    assert source.signature.output_name == "logits"
    assert source.signature.output_shape == (1, CLASSES)
    assert (source.signature.size, source.signature.channels, source.signature.classes) == ((16, 16), 1, CLASSES)


@pytest.mark.parametrize(
    ("batch", "side", "size"), [("N", 16, None), (None, 16, None), ("N", "S", 16), (1, None, 16)]
)
def test_dynamic_dimensions_are_fixed(
    tmp_path: Path, batch: int | str | None, side: int | str | None, size: int | None
) -> None:
    path = linear_model(tmp_path / "m.onnx", batch=batch, side=side)
    source = resolve(name="mine", file=path, size=size, cache=tmp_path / "cache")
    assert source.signature.input_shape == (1, 1, 16, 16)
    assert source.path != path
    samples = float_samples(2)
    np.testing.assert_allclose(
        golden(source, samples, cache=tmp_path), linear_by_hand(samples.x), rtol=1e-4, atol=1e-4
    )


def test_fixing_the_same_model_twice_gives_the_same_file(tmp_path: Path) -> None:
    path = linear_model(tmp_path / "m.onnx", batch="N")
    first, again = (resolve(name="mine", file=path, cache=tmp_path / "cache") for _ in range(2))
    assert (first.path, first.sha256) == (again.path, again.sha256)


def test_dynamic_size_needs_a_size(tmp_path: Path) -> None:
    assert "say `size:`" in refusal(file=linear_model(tmp_path / "m.onnx", side="S"))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([1, 3, 16], "is no image"),
        ([8, 3, 16, 16], "batches of 8"),
        ([1, 4, 16, 16], "1 or 3 channels"),
        ([1, 16, 16, 3], "NHWC"),
        ([1, "C", 16, 16], "1 or 3 channels"),
    ],
)
def test_input_shapes_that_are_no_image(tmp_path: Path, shape: list[int | str | None], said: str) -> None:
    assert said in refusal(file=flat(tmp_path / "m.onnx", shape))


def test_a_size_that_the_model_does_not_take(tmp_path: Path) -> None:
    assert "does not take the size 32" in refusal(file=linear_model(tmp_path / "m.onnx"), size=32)


def test_an_input_that_is_not_float32(tmp_path: Path) -> None:
    path = flat(tmp_path / "m.onnx", [1, 3, 4, 4], input_type=TensorProto.FLOAT16, output_type=TensorProto.FLOAT16)
    assert "not float32" in refusal(file=path)


def test_several_inputs(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Flatten", ["sum"], ["out"])]
    shape: list[int | str | None] = [1, 3, 4, 4]
    path = save(tmp_path / "m.onnx", nodes, {}, inputs={"a": shape, "b": shape}, outputs={"out": [1, 48]})
    assert "exactly one input, has a, b" in refusal(file=path)


def two_outputs(path: Path, second: str) -> Path:
    nodes = [helper.make_node("Flatten", ["image"], ["flat"]), helper.make_node(second, ["image"], ["other"])]
    other: list[int | str | None] = [1, 48] if second == "Flatten" else [1, 3, 4, 4]
    return save(path, nodes, {}, inputs={"image": [1, 3, 4, 4]}, outputs={"other": other, "flat": [1, 48]})


def test_of_several_outputs_the_one_with_two_dimensions(tmp_path: Path) -> None:
    source = resolve(name="mine", file=two_outputs(tmp_path / "m.onnx", "Relu"))
    assert (source.signature.output_name, source.signature.output_shape) == ("flat", (1, 48))


def test_several_outputs_that_fit_are_named(tmp_path: Path) -> None:
    said = refusal(file=two_outputs(tmp_path / "m.onnx", "Flatten"))
    assert "flat [1, 48]" in said
    assert "other [1, 48]" in said


def test_a_missing_file_and_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"x")
    (tmp_path / "folder.onnx").mkdir()
    assert "there is no file" in refusal(file=tmp_path / "none.onnx")
    assert "there is no file" in refusal(file=tmp_path / "folder.onnx")
    assert "neither an .onnx nor an .mnn" in refusal(file=tmp_path / "m.pt")


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x08\x08" + b"\xff" * 40])
def test_files_that_are_not_models(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    assert "m.onnx is not a usable ONNX model" in refusal(file=tmp_path / "m.onnx")


def test_an_operator_that_onnxruntime_does_not_know(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mystery", ["image"], ["out"], domain="example")]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(tmp_path / "m.onnx"))
    with pytest.raises(FarmError, match="onnxruntime cannot load") as caught:
        resolve(name="mine", file=tmp_path / "m.onnx")
    assert caught.value.problem.code is Code.REFERENCE_FAILED


def with_external_weights(path: Path) -> Path:
    model = onnx.load(str(linear_model(path)))
    onnx.save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def test_weights_beside_the_model_become_part_of_what_is_hashed(tmp_path: Path) -> None:
    path = with_external_weights(tmp_path / "m.onnx")
    before = resolve(name="mine", file=path, cache=tmp_path / "cache")
    samples = float_samples(2)
    np.testing.assert_allclose(
        golden(before, samples, cache=tmp_path), linear_by_hand(samples.x), rtol=1e-4, atol=1e-4
    )
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[2] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)
    assert resolve(name="mine", file=path, cache=tmp_path / "cache").sha256 != before.sha256


def test_missing_weights_beside_the_model(tmp_path: Path) -> None:
    path = with_external_weights(tmp_path / "m.onnx")
    (tmp_path / "weights.bin").unlink()
    assert "weights.bin" in refusal(file=path)


def test_exactly_one_kind_of_source(tmp_path: Path) -> None:
    assert "exactly one of" in refusal()
    assert "exactly one of" in refusal(bundled="efficientvit_b0", timm="efficientvit_b0")
