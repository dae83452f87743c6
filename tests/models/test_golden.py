from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from harness.errors import Code, FarmError
from harness.models import reference
from harness.models.golden import golden
from tests.models.builders import float_samples, linear_by_hand, linear_model, network, pixel_samples, save, source_of


def test_golden_outputs_equal_an_independent_computation(tmp_path: Path) -> None:
    samples = float_samples(7)
    outputs = golden(source_of(linear_model(tmp_path / "m.onnx")), samples, cache=tmp_path)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, linear_by_hand(samples.x), rtol=1e-5, atol=1e-5)


def test_pixels_are_normalised_before_they_are_fed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
    ]
    path = save(tmp_path / "m.onnx", nodes, {}, inputs={"image": [1, 3, 16, 16]}, outputs={"means": [1, 3]})
    samples = pixel_samples(4)
    by_hand = (samples.x.mean(axis=(2, 3)) / 255 - samples.mean) / np.array(samples.std)
    np.testing.assert_allclose(golden(source_of(path), samples, cache=tmp_path), by_hand, rtol=1e-4, atol=1e-5)


def test_a_reference_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, samples = source_of(network(tmp_path / "m.onnx")), pixel_samples(3)
    first = golden(source, samples, cache=tmp_path)
    monkeypatch.setattr(reference, "Reference", None)
    np.testing.assert_array_equal(golden(source, samples, cache=tmp_path), first)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY not really"])
def test_a_damaged_reference_is_made_again(tmp_path: Path, damage: bytes) -> None:
    source, samples = source_of(linear_model(tmp_path / "m.onnx")), float_samples(3)
    first = golden(source, samples, cache=tmp_path)
    (kept,) = (tmp_path / "golden").glob("*.npy")
    kept.write_bytes(damage)
    np.testing.assert_array_equal(golden(source, samples, cache=tmp_path), first)


def test_other_samples_and_other_normalisation_have_other_references(tmp_path: Path) -> None:
    source, samples = source_of(network(tmp_path / "m.onnx")), pixel_samples(3)
    shifted = type(samples)(samples.x, None, (0.0, 0.0, 0.0), samples.std, samples.names)
    other = pixel_samples(3, seed=5)
    outputs = [golden(source, each, cache=tmp_path) for each in (samples, shifted, other)]
    assert len({each.tobytes() for each in outputs}) == 3


def test_a_reference_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    samples = float_samples(3)
    samples.x[1, 0, 0, 0] = np.float32(3e38)
    samples.x[1, 0, 0, 8] = np.float32(3e38)
    with pytest.raises(FarmError, match=r"not finite for 1 of 3 images, first x\[1\]") as caught:
        golden(source_of(linear_model(tmp_path / "m.onnx")), samples, cache=tmp_path)
    assert caught.value.problem.code is Code.REFERENCE_FAILED
    assert not list((tmp_path / "golden").glob("*.npy"))


def test_a_reference_that_is_not_float32_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["wide"], to=TensorProto.DOUBLE),
    ]
    path = save(
        tmp_path / "m.onnx",
        nodes,
        {},
        inputs={"image": [1, 3, 16, 16]},
        outputs={"wide": [1, 3]},
        output_type=TensorProto.DOUBLE,
    )
    with pytest.raises(FarmError, match="float64") as caught:
        golden(source_of(path), pixel_samples(1), cache=tmp_path)
    assert caught.value.problem.code is Code.REFERENCE_FAILED
