import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from harness.errors import Code, InputError
from harness.models.load_samples import load_samples
from harness.models.samples import SampleSet
from harness.models.source import ModelSource
from tests.models.builders import linear_model, network, source_of

STATED = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2), "max_images": 100, "seed": 0}


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return source_of(network(tmp_path_factory.mktemp("model") / "m.onnx"))


@pytest.fixture(scope="module")
def gray(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return source_of(linear_model(tmp_path_factory.mktemp("model") / "m.onnx"))


def refusal(source: ModelSource, **arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_samples(source, **{**STATED, **arguments})
    assert caught.value.problem.code is Code.BAD_SAMPLES
    return caught.value.problem.message


def picture(path: Path, array: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def folder_of(path: Path, count: int, side: int = 16) -> Path:
    for index in range(count):
        picture(path / f"{index:03d}.png", np.full((side, side, 3), index, np.uint8))
    return path


def by_name(samples: SampleSet) -> dict[str, NDArray[Any]]:
    return dict(zip(samples.names, samples.x, strict=True))


def test_images_of_the_models_size_are_taken_pixel_by_pixel(colour: ModelSource, tmp_path: Path) -> None:
    array = np.random.RandomState(0).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    picture(tmp_path / "b" / "one.png", array)
    picture(tmp_path / "a.png", array[::-1])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._a.png").write_bytes(b"what some systems leave beside a file")
    samples = load_samples(colour, images=tmp_path, **STATED)  # type: ignore[arg-type]
    assert (str(samples.x.dtype), samples.x.shape, samples.labels) == ("uint8", (2, 3, 16, 16), None)
    found = by_name(samples)
    assert set(found) == {"a.png", "b/one.png"}
    np.testing.assert_array_equal(found["b/one.png"], array.transpose(2, 0, 1))
    assert (samples.mean, samples.std) == (STATED["mean"], STATED["std"])


@pytest.mark.parametrize(("shape", "scaled"), [((32, 96), (16, 48)), ((96, 32), (48, 16)), ((8, 24), (16, 48))])
def test_images_of_another_size_are_scaled_to_cover_and_cropped_in_the_middle(
    colour: ModelSource, tmp_path: Path, shape: tuple[int, int], scaled: tuple[int, int]
) -> None:
    array = np.random.RandomState(0).randint(0, 256, (*shape, 3)).astype(np.uint8)
    picture(tmp_path / "image.png", array)
    whole = np.asarray(Image.fromarray(array).resize(scaled[::-1], Image.Resampling.BILINEAR))
    top, left = (scaled[0] - 16) // 2, (scaled[1] - 16) // 2
    wanted = whole[top : top + 16, left : left + 16].transpose(2, 0, 1).astype(int)
    (image,) = load_samples(colour, images=tmp_path, **STATED).x  # type: ignore[arg-type]
    assert np.abs(image.astype(int) - wanted).max() <= 1


def test_gray_images_become_colour_and_colour_images_gray(
    colour: ModelSource, gray: ModelSource, tmp_path: Path
) -> None:
    picture(tmp_path / "g.png", np.full((16, 16), 77, np.uint8))
    picture(tmp_path / "red.png", np.full((16, 16, 3), (255, 0, 0), np.uint8))
    in_colour = by_name(load_samples(colour, images=tmp_path, **STATED))  # type: ignore[arg-type]
    assert in_colour["g.png"].shape == (3, 16, 16)
    assert (in_colour["g.png"] == 77).all()
    one = {**STATED, "mean": (0.5,), "std": (0.2,)}
    in_gray = by_name(load_samples(gray, images=tmp_path, **one))  # type: ignore[arg-type]
    assert in_gray["red.png"].shape == (1, 16, 16)
    assert (in_gray["red.png"] == 76).all()  # ITU-R 601: 0.299 * 255


def test_labels_follow_their_images(colour: ModelSource, tmp_path: Path) -> None:
    folder_of(tmp_path / "images", 8)
    rows = [f"{index:03d}.png,{index % 4},ignored" for index in reversed(range(8))]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,class", *rows]))
    samples = load_samples(
        colour,
        images=tmp_path / "images",
        labels=tmp_path / "labels.csv",
        **{**STATED, "max_images": 5},  # type: ignore[arg-type]
    )
    assert samples.labels is not None
    assert samples.labels.dtype == np.int64
    assert samples.labels.tolist() == [int(name[:3]) % 4 for name in samples.names]
    assert samples.labels.tolist() == [int(image[0, 0, 0]) % 4 for image in samples.x]
    assert samples.calibration is not None
    assert len(samples.calibration) == 3


def test_every_mistake_in_the_labels_is_said_at_once(colour: ModelSource, tmp_path: Path) -> None:
    folder_of(tmp_path / "images", 4)
    (tmp_path / "labels.csv").write_text("file,label\n000.png,cat\n001.png,4\n001.png,0\nnone.png,1\n002.png,-1\n")
    said = refusal(colour, images=tmp_path / "images", labels=tmp_path / "labels.csv")
    for part in (
        "line 2: 'cat' is not a class number from 0 to 3",
        "line 3: '4' is not a class number",
        "line 4: 001.png is labelled twice",
        "line 6: '-1' is not a class number",
        "none.png is labelled, but there is no such image",
        "003.png has no label",
    ):
        assert part in said


def test_many_mistakes_are_counted(colour: ModelSource, tmp_path: Path) -> None:
    folder_of(tmp_path / "images", 15)
    (tmp_path / "labels.csv").write_text("file,label\n")
    assert "and 5 more" in refusal(colour, images=tmp_path / "images", labels=tmp_path / "labels.csv")


@pytest.mark.parametrize("content", ["", "name,class\na,1\n", "\xff\xfe"])
def test_label_files_without_the_columns(colour: ModelSource, tmp_path: Path, content: str) -> None:
    folder_of(tmp_path / "images", 1)
    (tmp_path / "labels.csv").write_text(content, encoding="latin-1")
    said = refusal(colour, images=tmp_path / "images", labels=tmp_path / "labels.csv")
    assert "labels.csv has no column" in said or "labels.csv cannot be read" in said


def test_folders_and_files_that_do_not_fit(colour: ModelSource, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is no folder" in refusal(colour, images=tmp_path / "none")
    assert "there are no images" in refusal(colour, images=tmp_path / "empty")
    folder_of(tmp_path / "images", 1)
    assert "cannot be read" in refusal(colour, images=tmp_path / "images", labels=tmp_path / "none.csv")
    assert "images or arrays" in refusal(colour, images=tmp_path / "images", arrays=tmp_path / "x.npz")
    assert "labels belong to a folder" in refusal(colour, arrays=tmp_path / "x.npz", labels=tmp_path / "l.csv")
    assert "names no images and no arrays" in refusal(colour)


def test_an_image_that_cannot_be_read(colour: ModelSource, tmp_path: Path) -> None:
    folder_of(tmp_path, 1)
    whole = (tmp_path / "000.png").read_bytes()
    (tmp_path / "000.png").write_bytes(whole[: len(whole) // 2])
    assert "000.png cannot be read as an image" in refusal(colour, images=tmp_path)


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [((), (1.0,) * 3, "mean needs 3"), ((0.0,) * 3, (1.0,), "std needs 3"), ((0.0,) * 3, (1.0, 0.0, 1.0), "above 0")],
)
def test_normalisation_that_does_not_fit(
    colour: ModelSource, tmp_path: Path, mean: tuple[float, ...], std: tuple[float, ...], said: str
) -> None:
    assert said in refusal(colour, images=folder_of(tmp_path, 1), mean=mean, std=std)


def test_the_card_knows_the_normalisation(colour: ModelSource, tmp_path: Path) -> None:
    with_card = dataclasses.replace(colour, card={"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]})
    samples = load_samples(with_card, images=folder_of(tmp_path, 1), max_images=1, seed=0)
    assert (samples.mean, samples.std) == ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))


def npz(path: Path, **arrays: NDArray[Any]) -> Path:
    np.savez(path / "samples.npz", **arrays)  # type: ignore[arg-type]
    return path / "samples.npz"


def test_float_arrays_are_used_as_they_are(colour: ModelSource, tmp_path: Path) -> None:
    x = np.random.RandomState(0).randn(6, 3, 16, 16).astype(np.float32)
    y = np.arange(6, dtype=np.uint8) % 4
    samples = load_samples(colour, arrays=npz(tmp_path, x=x, y=y), **{**STATED, "max_images": 4})  # type: ignore[arg-type]
    chosen = [int(name[2:-1]) for name in samples.names]
    np.testing.assert_array_equal(samples.x, x[chosen])
    assert samples.labels is not None
    assert samples.labels.tolist() == y[chosen].tolist()
    assert (str(samples.labels.dtype), samples.mean, samples.std) == ("int64", (), ())
    assert samples.calibration is not None
    assert len(samples.calibration) == 2


def test_uint8_arrays_are_pixels_and_may_be_gray(colour: ModelSource, tmp_path: Path) -> None:
    x = np.random.RandomState(0).randint(0, 256, (2, 1, 16, 16)).astype(np.uint8)
    samples = load_samples(colour, arrays=npz(tmp_path, x=x), **STATED)  # type: ignore[arg-type]
    assert (samples.x.shape, samples.mean, samples.labels) == ((2, 1, 16, 16), STATED["mean"], None)
    assert samples.fed(0).shape == (1, 3, 16, 16)


GOOD = np.zeros((3, 3, 16, 16), np.float32)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": GOOD}, "no array x"),
        ({"x": GOOD, "z": GOOD}, "no use for the array z"),
        ({"x": GOOD.astype(np.float64)}, "x is float64"),
        ({"x": GOOD[:, :, :8]}, "needs [N, 3, 16, 16]"),
        ({"x": GOOD[0]}, "needs [N, 3, 16, 16]"),
        ({"x": GOOD[:, :1]}, "needs [N, 3, 16, 16]"),
        ({"x": np.full_like(GOOD, np.nan)}, "not finite"),
        ({"x": GOOD, "y": np.zeros(2, np.int64)}, "needs 3 integers"),
        ({"x": GOOD, "y": np.zeros(3)}, "needs 3 integers"),
        ({"x": GOOD, "y": np.array([0, 1, 4])}, "outside 0 to 3"),
        ({"x": GOOD, "y": np.array([0, -1, 2])}, "outside 0 to 3"),
        ({"x": GOOD[:0]}, "there are no images"),
        ({"x": np.array([{}], dtype=object)}, "cannot be read"),
    ],
)
def test_arrays_that_do_not_fit(
    colour: ModelSource, tmp_path: Path, arrays: dict[str, NDArray[Any]], said: str
) -> None:
    assert said in refusal(colour, arrays=npz(tmp_path, **arrays))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
def test_files_that_are_no_npz(colour: ModelSource, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    assert "cannot be read as an .npz file" in refusal(colour, arrays=tmp_path / "x.npz")


def test_a_single_array_is_no_npz(colour: ModelSource, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GOOD)
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    assert "is not an .npz file" in refusal(colour, arrays=tmp_path / "x.npz")
