"""What the training reads, sets apart and says of its models; needs neither torch nor the Debian package."""

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from harness.training import cards, dataset

PER_CLASS = 130


def _write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small pairs of files in the data set's format, each image with its number in its first pixels."""
    path = tmp_path_factory.mktemp("idx")
    for part, offset in (("train", 0), ("t10k", 10_000)):
        images = np.zeros((10 * PER_CLASS, 28, 28), np.uint8)
        for number, image in enumerate(images):
            image[0, :2] = divmod(number + offset, 256)
        labels = np.random.default_rng(offset).permutation(np.arange(len(images)) % 10).astype(np.uint8)
        _write_idx(path / f"{part}-images-idx3-ubyte.gz", images)
        _write_idx(path / f"{part}-labels-idx1-ubyte.gz", labels)
    return path


def _numbers(split: dataset.Split) -> list[int]:
    return [int(image[0, 0]) * 256 + int(image[0, 1]) for image in split.images]


def test_calibration_images_are_not_trained_on(folder: Path) -> None:
    data = dataset.load(folder)
    trained, calibration = set(_numbers(data.train)), set(_numbers(data.calibration))
    assert not trained & calibration
    assert trained | calibration == set(range(10 * PER_CLASS))
    assert np.bincount(data.calibration.labels).tolist() == [20] * 10


def test_bundled_images_come_from_the_test_set_with_their_own_labels(folder: Path) -> None:
    data = dataset.load(folder)
    of = dict(zip(_numbers(data.test), data.test.labels, strict=True))
    numbers = _numbers(data.bundled)
    assert len(set(numbers)) == 1000
    assert [of[number] for number in numbers] == data.bundled.labels.tolist()


def test_every_ten_chosen_hold_each_class(folder: Path) -> None:
    labels = dataset.load(folder).bundled.labels
    assert (np.sort(labels.reshape(-1, 10), axis=1) == np.arange(10)).all()


def test_the_choice_is_the_same_every_time(folder: Path) -> None:
    first, second = dataset.load(folder), dataset.load(folder)
    assert _numbers(first.bundled) == _numbers(second.bundled)
    assert _numbers(first.calibration) == _numbers(second.calibration)


def test_without_the_debian_package_the_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="train-images"):
        dataset.load(tmp_path)


def test_images_are_scaled_as_eight_bit_grey() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    large = dataset.upscale(image[None], 64)
    expected = np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR))
    assert large.shape == (1, 64, 64)
    assert large.dtype == np.uint8
    assert (large[0] == expected).all()


def test_a_card_tells_the_same_to_programs_and_to_people(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"abc")
    facts: dict[str, Any] = cards.card(model, name="one", size=64, top1_fp32_full_test=0.9234)
    cards.write(tmp_path, facts)
    assert json.loads((tmp_path / "card.json").read_text()) == facts
    # The sha256 of "abc", from FIPS 180-2.
    assert facts["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    text = (tmp_path / "card.md").read_text()
    assert "| top1 fp32 full test | 0.9234 |" in text
    assert f"| sha256 | {facts['sha256']} |" in text


def test_the_data_can_be_read_without_torch() -> None:
    code = "import sys, harness.training.__main__; sys.exit(bool({'torch', 'timm'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
