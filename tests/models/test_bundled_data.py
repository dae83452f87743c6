"""The bundled models and samples are what their cards say."""

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from harness.training import cards

BUNDLED = Path(str(resources.files("harness.models"))) / "bundled"
MODELS = ("efficientvit_b0_fmnist", "efficientvit_m0_fmnist")
CARD_KEYS = {
    *("name", "architecture", "family", "parameters", "input", "output", "size", "mean", "std", "classes"),
    *("top1_fp32_full_test", "top1_on_bundled_1000", "sha256", "data", "data_licence", "preprocessing"),
    *("command", "seed", "epochs", "made_with", "date"),
}
BLOCKS = {"efficientvit_b0_fmnist": "context_module", "efficientvit_m0_fmnist": "mixer"}
"""What each family calls its attention in the names of its operators."""


@pytest.fixture(scope="module")
def samples() -> dict[str, np.ndarray]:
    with np.load(BUNDLED / "fashion_mnist" / "samples.npz", allow_pickle=False) as file:
        return dict(file)


def _card(name: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((BUNDLED / name / "card.json").read_text())
    return card


def test_samples_are_a_thousand_and_two_hundred_balanced_images(samples: dict[str, Any]) -> None:
    assert samples["test_images"].shape == (1000, 28, 28)
    assert samples["calibration_images"].shape == (200, 28, 28)
    assert {array.dtype for array in samples.values()} == {np.dtype(np.uint8)}
    assert np.bincount(samples["test_labels"]).tolist() == [100] * 10
    assert np.bincount(samples["calibration_labels"]).tolist() == [20] * 10


def test_every_ten_test_images_hold_each_class(samples: dict[str, Any]) -> None:
    assert (np.sort(samples["test_labels"].reshape(-1, 10), axis=1) == np.arange(10)).all()


def test_no_calibration_image_is_a_test_image(samples: dict[str, Any]) -> None:
    test = {image.tobytes() for image in samples["test_images"]}
    assert not test & {image.tobytes() for image in samples["calibration_images"]}


@pytest.mark.parametrize("name", MODELS)
def test_card_names_the_file_that_is_there(name: str) -> None:
    card = _card(name)
    assert hashlib.sha256((BUNDLED / name / "model.onnx").read_bytes()).hexdigest() == card["sha256"]
    assert card["name"] == name
    assert card["data_licence"] == "Expat"


@pytest.mark.parametrize("name", MODELS)
def test_card_is_complete_and_the_same_for_people(name: str, tmp_path: Path) -> None:
    card = _card(name)
    assert card.keys() == CARD_KEYS
    cards.write(tmp_path, card)
    for file in ("card.json", "card.md"):
        assert (tmp_path / file).read_bytes() == (BUNDLED / name / file).read_bytes()


@pytest.mark.parametrize("name", MODELS)
def test_file_itself_declares_what_the_card_says(name: str) -> None:
    # Not through onnxruntime, which works out what a file leaves open.
    card = _card(name)
    model = onnx.load(str(BUNDLED / name / "model.onnx"), load_external_data=False)
    for declared, told in ((model.graph.input, card["input"]), (model.graph.output, card["output"])):
        (one,) = declared
        tensor = one.type.tensor_type
        assert (one.name, [dim.dim_value for dim in tensor.shape.dim]) == (told["name"], told["shape"])
        assert tensor.elem_type == onnx.TensorProto.FLOAT
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 17)]
    assert not any(onnx.external_data_helper.uses_external_data(each) for each in model.graph.initializer)


@pytest.mark.parametrize("name", MODELS)
def test_operators_are_folded_and_named_after_their_blocks(name: str) -> None:
    nodes = onnx.load(str(BUNDLED / name / "model.onnx")).graph.node
    assert "BatchNormalization" not in {node.op_type for node in nodes}
    weighty = [node for node in nodes if node.op_type in {"Conv", "MatMul", "Gemm", "Softmax"}]
    assert all(node.name.count("/") >= 2 for node in weighty)
    assert any(f"/{BLOCKS[name]}/" in node.name for node in weighty)


def test_samples_stay_small() -> None:
    assert (BUNDLED / "fashion_mnist" / "samples.npz").stat().st_size < 1_000_000
    assert "Zalando" in (BUNDLED / "fashion_mnist" / "LICENCE").read_text()


@pytest.mark.parametrize("name", MODELS)
def test_accuracy_on_the_bundled_images_is_the_cards(name: str, samples: dict[str, Any]) -> None:
    card = _card(name)
    session = onnxruntime.InferenceSession(BUNDLED / name / "model.onnx", providers=["CPUExecutionProvider"])
    (given,), (answer,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == (card["input"]["name"], card["input"]["shape"])
    assert (answer.name, answer.shape) == (card["output"]["name"], card["output"]["shape"])
    hits = 0
    for image, label in zip(samples["test_images"], samples["test_labels"], strict=True):
        large = np.asarray(Image.fromarray(image).resize((card["size"],) * 2, Image.Resampling.BILINEAR))
        value = (large / np.float32(255) - np.float32(card["mean"][0])) / np.float32(card["std"][0])
        fed = np.broadcast_to(value.astype(np.float32), card["input"]["shape"]).copy()
        hits += int(session.run(None, {given.name: fed})[0].argmax() == label)
    assert hits / 1000 == pytest.approx(card["top1_on_bundled_1000"], abs=0.001)
    assert card["top1_fp32_full_test"] >= 0.91
