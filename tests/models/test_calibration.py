import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from PIL import Image

from harness.models import calibration, quantisable, reference
from harness.models.calibration import CalibrationImages, as_images
from harness.models.samples import SampleSet
from harness.models.variants import make_variant
from harness.precision import Weights
from tests.models.builders import float_samples, network, pixel_samples, save, source_of


def fed(images: CalibrationImages) -> NDArray[np.float64]:
    """What mnnquant feeds the model: (pixel - mean) * normal."""
    mean, normal = (np.reshape(values, (-1, 1, 1)) for values in (images.mean, images.normal))
    return np.asarray((images.pixels - mean) * normal)


def test_pixels_are_fed_as_the_model_is_fed_elsewhere() -> None:
    samples = pixel_samples(3)
    images = as_images(samples.x, samples.mean, samples.std, 3)
    np.testing.assert_array_equal(images.pixels, samples.x)
    np.testing.assert_allclose(fed(images)[1:2], samples.fed(1), rtol=1e-5, atol=1e-5)


def test_gray_pixels_are_repeated() -> None:
    gray = pixel_samples(3).x[:, :1]
    images = as_images(gray, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), 3)
    assert images.pixels.shape == (3, 3, 16, 16)
    assert (images.pixels == gray).all()


@settings(deadline=None)
@given(low=st.floats(-50, 50), spread=st.floats(1e-3, 100), seed=st.integers(0, 1000))
def test_floats_are_mapped_to_within_half_a_step(low: float, spread: float, seed: int) -> None:
    x = (low + spread * np.random.RandomState(seed).rand(4, 3, 5, 5)).astype(np.float32)
    images = as_images(x, (), (), 3)
    assert images.pixels.min(axis=(0, 2, 3)).tolist() == [0, 0, 0]
    assert images.pixels.max(axis=(0, 2, 3)).tolist() == [255, 255, 255]
    slop = 1e-4 * (abs(low) + spread)
    assert np.abs(fed(images) - x).max() <= 0.5 * spread / 255 + slop


def test_a_constant_channel_is_no_division_by_zero() -> None:
    x = np.full((2, 1, 4, 4), 3.5, np.float32)
    np.testing.assert_allclose(fed(as_images(x, (), (), 1)), x)


@pytest.mark.parametrize("channels", [1, 3])
def test_written_images_are_read_back_pixel_by_pixel(tmp_path: Path, channels: int) -> None:
    samples = float_samples(1, channels=channels, calibration=3)
    name = "gray.onnx" if channels == 1 else "colour.onnx"
    nodes = [helper.make_node("Flatten", ["image"], ["out"])]
    shape: list[int | str | None] = [1, channels, 16, 16]
    path = save(tmp_path / name, nodes, {}, inputs={"image": shape}, outputs={"out": [1, channels * 256]})
    config = json.loads(calibration.write(tmp_path, samples, source_of(path).signature).read_text())
    assert (config["format"], config["width"], config["height"]) == ("GRAY" if channels == 1 else "RGB", 16, 16)
    assert config["path"].endswith("/")
    assert samples.calibration is not None
    wanted = as_images(samples.calibration, (), (), channels).pixels
    files = sorted(Path(config["path"]).iterdir())
    assert len(files) == config["used_sample_num"] == 3
    for file, pixels in zip(files, wanted, strict=True):
        read = np.asarray(Image.open(file))
        np.testing.assert_array_equal(read if channels == 1 else read.transpose(2, 0, 1), pixels.squeeze())


def input_scale(path: Path, folder: Path) -> float:
    """The step that mnnquant gave the first convolution's input, from MNN's own dump."""
    code = 'import _tools, sys; _tools.mnnconvert(["x", "-f", "MNN", "--modelFile", sys.argv[1], "--JsonFile", "j"])'
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=folder, check=True, capture_output=True)
    layers = json.loads((folder / "j").read_text())["oplists"]
    convolutions = [layer["main"]["quanParameter"] for layer in layers if layer["type"].startswith("Convolution")]
    return float(convolutions[0]["scaleIn"])


@pytest.mark.parametrize("kind", ["pixels", "floats"])
def test_mnnquant_sees_the_calibration_images_as_the_model_would(tmp_path: Path, kind: str) -> None:
    """Evenly spread inputs are not clipped, so the input's step tells whether colours and scale were right."""
    if kind == "pixels":
        samples = pixel_samples(1, calibration=4)
        held = SampleSet(samples.calibration, None, samples.mean, samples.std, ("",) * 4)  # type: ignore[arg-type]
        largest = max(float(np.abs(held.fed(index)).max()) for index in range(4))
    else:
        normal = float_samples(1, channels=3, calibration=4)
        even = np.random.RandomState(0).uniform(-3, 2, (4, 3, 16, 16)).astype(np.float32)
        samples = dataclasses.replace(normal, calibration=even)
        largest = float(np.abs(samples.calibration).max())  # type: ignore[arg-type]
    source = source_of(network(tmp_path / "m.onnx"))
    variant = make_variant(source, Weights(calibrated=True), samples, cache=tmp_path)
    # The threshold comes from a histogram of 2,048 bins.
    assert input_scale(variant.path, tmp_path) == pytest.approx(largest / 127, rel=0.01)


def gate(path: Path, opset: int, *, keepdims: int = 1, axes: tuple[int, ...] = (2, 3)) -> Path:
    info = helper.make_tensor_value_info
    as_input = opset >= 18
    mean = helper.make_node(
        "ReduceMean",
        ["image", "axes"] if as_input else ["image"],
        ["mean"],
        keepdims=keepdims,
        **({} if as_input else {"axes": axes}),
    )
    weights = [numpy_helper.from_array(np.array(axes, np.int64), "axes")] if as_input else []
    graph = helper.make_graph(
        [mean, helper.make_node("Flatten", ["mean"], ["out"])],
        "gate",
        [info("image", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [info("out", onnx.TensorProto.FLOAT, [1, None])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("opset", [17, 18])
@pytest.mark.parametrize(
    ("keepdims", "axes", "becomes_pooling"),
    [(1, (2, 3), True), (1, (-1, -2), True), (0, (2, 3), False), (1, (1, 2), False), (1, (3,), False)],
)
def test_only_a_mean_over_height_and_width_becomes_pooling(
    tmp_path: Path, opset: int, keepdims: int, axes: tuple[int, ...], becomes_pooling: bool
) -> None:
    given = gate(tmp_path / "m.onnx", opset, keepdims=keepdims, axes=axes)
    quantisable.rewrite(given, tmp_path / "r.onnx")
    rewritten = onnx.load(str(tmp_path / "r.onnx"))
    onnx.checker.check_model(rewritten)
    assert ("GlobalAveragePool" in [node.op_type for node in rewritten.graph.node]) is becomes_pooling
    before, after = (source_of(path).signature for path in (given, tmp_path / "r.onnx"))
    assert before == after
    x = np.random.RandomState(0).randn(1, 3, 8, 8).astype(np.float32)
    outputs = [reference.Reference(path, before, threads=1)(x) for path in (given, tmp_path / "r.onnx")]
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-5, atol=1e-6)


def test_shapes_that_the_graph_computes_are_folded(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["image", "target"], ["out"]),
    ]
    weights = {"first": np.array([0]), "rest": np.array([-1])}
    path = save(tmp_path / "m.onnx", nodes, weights, inputs={"image": [1, 3, 4, 4]}, outputs={"out": [1, 48]})
    quantisable.rewrite(path, tmp_path / "r.onnx")
    assert [node.op_type for node in onnx.load(str(tmp_path / "r.onnx")).graph.node] == ["Reshape"]
