"""What the user gives: labels and images that do not belong together, thresholds that say nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.config.experiment import load_experiment
from harness.errors import Code, InputError
from harness.judge.exit_code import INCOMPLETE, exit_code
from harness.report import markdown
from harness.report.guide import guide
from harness.results import Verdict
from tests.lies.conftest import IMAGENET
from tests.lies.field import Field, Told

Arrays = tuple[NDArray[Any], NDArray[np.int64]]
Lie = Callable[[NDArray[Any], NDArray[np.int64]], Arrays]

SHUFFLED = np.random.default_rng(5).permutation(400)

LABELS: dict[str, tuple[Lie, str]] = {
    "labels one class up": (lambda x, y: (x, (y + 1) % 4), "with every label one class lower"),
    "labels one class down": (lambda x, y: (x, (y - 1) % 4), "with every label one class higher"),
    "labels one line down": (lambda x, y: (x, np.roll(y, 1)), "with the label of the next image"),
    "labels one line up": (lambda x, y: (x, np.roll(y, -1)), "with the label of the image before"),
    "labels from the end": (lambda x, y: (x, y[::-1].copy()), "read backwards"),
    "images in another order": (lambda x, y: (x[SHUFFLED], y), "which guessing"),
    "labels of nothing": (lambda x, y: (x, np.random.default_rng(1).integers(0, 4, len(y))), "which guessing"),
}
PIXELS: dict[str, tuple[Lie, str]] = {
    "BGR": (lambda x, y: (np.ascontiguousarray(x[:, ::-1]), y), "with red and blue swapped"),
    "no normalisation": (lambda x, y: ((x / 255).astype(np.float32), y), "with ImageNet's mean and std"),
    "pixels of 0..255": (lambda x, y: (x.astype(np.float32), y), "with ImageNet's mean and std"),
    "normalised and normalised again": (lambda x, y: (twice(x), y), "undone once"),
}
UNSEEN: dict[str, tuple[Lie, bool]] = {
    "BGR without labels": (PIXELS["BGR"][0], False),
    "no normalisation without labels": (PIXELS["no normalisation"][0], False),
    "underexposed": (lambda x, y: (normalised(x * 0.8), y), True),
    "another mean and std, about as good": (lambda x, y: (((x / 255 - 0.45) / 0.25).astype(np.float32), y), True),
}
"""Mistakes that no reading of the samples undoes, or that cost the reference too little; and whether with labels."""


def normalised(x: NDArray[Any], scale: float = 255.0) -> NDArray[np.float32]:
    mean, std = (np.reshape(values, (1, 3, 1, 1)) for values in IMAGENET)
    return np.asarray((x / scale - mean) / std, np.float32)


def twice(x: NDArray[Any]) -> NDArray[np.float32]:
    return normalised(normalised(x), scale=1.0)


def run(field: Field, tmp_path: Path, lie: Lie, *, labelled: bool = True) -> Told:
    with np.load(field.samples) as given:
        x, y = lie(given["x"], given["y"])
    arrays = {"x": x, "y": y} if labelled else {"x": x}
    np.savez(tmp_path / "samples.npz", **arrays)  # type: ignore[arg-type]
    return field.run(samples=tmp_path / "samples.npz")


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_are_not_the_images(field: Field, tmp_path: Path, name: str) -> None:
    """Nobody loses accuracy against a reference that has none: no pass, and a warning that says what to do."""
    lie, words = LABELS[name]
    told = run(field, tmp_path, lie)
    (warning,) = told.results.models[0].warnings
    assert words in warning
    assert told.cell().verdict is Verdict.INCONCLUSIVE, told.cell().reason


@pytest.mark.parametrize("name", PIXELS)
def test_images_that_are_read_in_another_way(field: Field, tmp_path: Path, name: str) -> None:
    """Device and reference agree on images read wrongly: no pass, the warning with its figures is the reason."""
    lie, words = PIXELS[name]
    told = run(field, tmp_path, lie)
    (warning,) = told.results.models[0].warnings
    assert words in warning
    assert "of 64 images" in warning
    assert told.cell().verdict is Verdict.INCONCLUSIVE
    assert warning in told.cell().reason
    page = markdown.render(told.results)
    assert "Nothing is shown to be safe." in page
    assert exit_code(told.results, gate=True) == INCOMPLETE


@pytest.mark.parametrize("name", UNSEEN)
def test_images_read_in_a_way_that_nobody_can_tell(field: Field, tmp_path: Path, name: str) -> None:
    """A pass, and truly one: this device answers as the reference does. What the model is worth is not known."""
    lie, labelled = UNSEEN[name]
    told = run(field, tmp_path, lie, labelled=labelled)
    assert told.results.models[0].warnings == ()
    assert told.cell().verdict is Verdict.PASS
    assert "What nobody can see" in guide()


def test_samples_that_changed_before_a_resume(field: Field, tmp_path: Path) -> None:
    with np.load(field.samples) as given:
        x, y = given["x"], given["y"]
    np.savez(tmp_path / "samples.npz", x=x, y=y)
    told = field.run(samples=tmp_path / "samples.npz")
    np.savez(tmp_path / "samples.npz", x=x[::-1], y=y[::-1])
    with pytest.raises(InputError) as caught:
        field.run(samples=tmp_path / "samples.npz", resume=told)
    assert caught.value.problem.code is Code.BAD_OUTPUT_FOLDER


@pytest.mark.parametrize(
    "thresholds",
    [
        "accuracy_drop_points: 100",
        "accuracy_drop_points: 1000",
        "accuracy_drop_points: .inf",
        "accuracy_drop_points: .nan",
        "accuracy_drop_points: 0",
        "accuracy_drop_points: -1",
        "agreement: 0",
        "agreement: -0.5",
        "agreement: 1",
        "agreement: 97",
        "agreement: .nan",
        "relative_l2: 1",
        "relative_l2: 1.0e+9",
        "relative_l2: .inf",
        "relative_l2: .nan",
        "relative_l2: 0",
        "relative_l2: -1",
        "cosine: 0",
        "cosine: -0.999",
        "cosine: -1",
        "cosine: -2",
        "cosine: 1.5",
        "cosine: .nan",
    ],
)
def test_thresholds_that_can_never_fail_or_never_pass(tmp_path: Path, thresholds: str) -> None:
    (tmp_path / "experiment.yaml").write_text(
        f"models: [{{name: m, bundled: efficientvit_b0}}]\nthresholds: {{{thresholds}}}\n"
    )
    with pytest.raises(InputError) as caught:
        load_experiment(tmp_path / "experiment.yaml")
    assert caught.value.problem.code is Code.BAD_EXPERIMENT
    assert thresholds.split(":", maxsplit=1)[0] in str(caught.value)


@pytest.mark.parametrize("sampling", ["confidence: 0", "confidence: 1", "confidence: 0.5", "max_images: 0"])
def test_confidence_that_says_nothing(tmp_path: Path, sampling: str) -> None:
    (tmp_path / "experiment.yaml").write_text(
        f"models: [{{name: m, bundled: efficientvit_b0}}]\nsampling: {{{sampling}}}\n"
    )
    with pytest.raises(InputError):
        load_experiment(tmp_path / "experiment.yaml")
