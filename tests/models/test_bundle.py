import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.errors import Code, InputError
from harness.models import bundle
from harness.models.bundled_samples import open_bundled
from harness.models.pool import MAX_CALIBRATION, select
from tests.models.builders import linear_model


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    for name in ("one_fmnist", "two_fmnist", "three_other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text(json.dumps({"name": name, "mean": [0.5]}))
        linear_model(tmp_path / name / "model.onnx")
    (tmp_path / "half_done_fmnist").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "found"), [("one", "one_fmnist"), ("two_fmnist", "two_fmnist"), ("three_other",) * 2]
)
def test_a_model_goes_by_its_folder_or_by_its_short_name(bundled: Path, asked: str, found: str) -> None:
    model = bundle.find(asked, bundled)
    assert (model.name, model.model, model.card["name"]) == (found, bundled / found / "model.onnx", found)


@pytest.mark.parametrize("asked", ["none", "three", "half_done", "../one", ""])
def test_an_unknown_name_gets_the_list(bundled: Path, asked: str) -> None:
    with pytest.raises(InputError, match="there are: one, three_other, two") as caught:
        bundle.find(asked, bundled)
    assert caught.value.problem.code is Code.BAD_MODEL


def test_no_models_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are: none"):
        bundle.find("one", tmp_path)


@pytest.fixture
def samples_file(tmp_path: Path) -> Path:
    random = np.random.RandomState(0)
    np.savez(
        tmp_path / "samples.npz",
        test_images=random.randint(0, 256, (30, 28, 28)).astype(np.uint8),
        test_labels=np.arange(30, dtype=np.uint8) % 10,
        calibration_images=random.randint(0, 256, (130, 28, 28)).astype(np.uint8),
        calibration_labels=np.zeros(130, np.uint8),
    )
    return tmp_path / "samples.npz"


def test_bundled_samples_are_scaled_and_keep_one_channel(samples_file: Path) -> None:
    pool = open_bundled(size=(64, 64), mean=(0.3,) * 3, std=(0.2,) * 3, file=samples_file)
    samples = select(pool, max_images=30, seed=0)
    assert samples.x.shape == (30, 1, 64, 64)
    assert samples.fed(0).shape == (1, 3, 64, 64)
    assert samples.labels is not None
    assert sorted(samples.labels.tolist()) == sorted(index % 10 for index in range(30))
    assert samples.calibration is not None
    assert samples.calibration.shape == (MAX_CALIBRATION, 1, 64, 64)


def test_at_their_own_size_they_are_untouched(samples_file: Path) -> None:
    pool = open_bundled(size=(28, 28), mean=(0.3,), std=(0.2,), file=samples_file)
    with np.load(samples_file) as stored:
        np.testing.assert_array_equal(pool.read([3, 1])[:, 0], stored["test_images"][[3, 1]])


def test_a_scaled_flat_image_stays_flat(tmp_path: Path, samples_file: Path) -> None:
    shutil.copy(samples_file, tmp_path / "flat.npz")
    flat = np.full((1, 28, 28), 99, np.uint8)
    labels = np.zeros(1, np.uint8)
    np.savez(tmp_path / "flat.npz", test_images=flat, test_labels=labels, calibration_images=flat)
    pool = open_bundled(size=(40, 60), mean=(0.3,), std=(0.2,), file=tmp_path / "flat.npz")
    np.testing.assert_array_equal(pool.read([0]), np.full((1, 1, 40, 60), 99))
