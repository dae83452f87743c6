"""Mistakes in samples and labels, made on purpose: what the reference's accuracy says of them."""

import re
from collections.abc import Callable
from dataclasses import replace
from math import comb, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper

from harness.errors import Code, FarmError
from harness.models import sample_warnings as module
from harness.models.channel_order import likelihoods, surer_when_swapped, swapped
from harness.models.exact_tests import sign_test, tails
from harness.models.golden import golden
from harness.models.load_samples import load_samples
from harness.models.other_labels import other_labels
from harness.models.other_readings import other_readings
from harness.models.sample_warnings import answers_of, clearly_better, sample_warnings
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from tests.models.builders import save

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
COUNT = 120
SIDE = 8

Change = Callable[[SampleSet], SampleSet]


def colour_model(path: Path) -> ModelSource:
    """[1, 3, 8, 8] -> [1, 3]: the class is the channel with the largest mean. Trained, so to speak, on RGB."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights"], ["logits"]),
    ]
    weights = {"weights": 4 * np.eye(3, dtype=np.float32)}
    save(path, nodes, weights, inputs={"image": [1, 3, SIDE, SIDE]}, outputs={"logits": [1, 3]})
    return resolve(name="colours", file=path)


def brightness_model(path: Path) -> ModelSource:
    """[1, 3, 8, 8] -> [1, 2]: class 1 where the mean is above 0.1, which it is only after normalisation."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
    ]
    weights = {"weights": np.array([[0, 1]] * 3, np.float32), "bias": np.array([0, -0.3], np.float32)}
    save(path, nodes, weights, inputs={"image": [1, 3, SIDE, SIDE]}, outputs={"logits": [1, 2]})
    return resolve(name="brightness", file=path)


def colours(count: int = COUNT) -> SampleSet:
    """Noise in which one channel, the label, is brighter; the labels are in no order."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, count)
    x = random.integers(0, 120, (count, 3, SIDE, SIDE), dtype=np.uint8)
    x[np.arange(count), labels] += 100
    return SampleSet(x, labels.astype(np.int64), MEAN, STD, tuple(f"x[{index}]" for index in range(count)))


def warned(source: ModelSource, samples: SampleSet, cache: Path) -> tuple[str, ...]:
    return sample_warnings(source, samples, golden(source, samples, cache=cache), answers_of(source, cache=cache))


def relabelled(change: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Change:
    def made(samples: SampleSet) -> SampleSet:
        assert samples.labels is not None
        return replace(samples, labels=change(samples.labels))

    return made


MISTAKES: dict[str, tuple[Change, str]] = {
    "BGR": (lambda s: replace(s, x=np.ascontiguousarray(s.x[:, ::-1])), "with red and blue swapped"),
    "counted from one": (relabelled(lambda y: (y + 1) % 3), "with every label one class lower"),
    "counted from minus one": (relabelled(lambda y: (y - 1) % 3), "with every label one class higher"),
    "one line early": (relabelled(lambda y: np.roll(y, -1)), "with the label of the image before"),
    "one line late": (relabelled(lambda y: np.roll(y, 1)), "with the label of the next image"),
    "backwards": (relabelled(lambda y: y[::-1]), "with the list of labels read backwards"),
    "classes backwards": (relabelled(lambda y: 2 - y), "with the classes counted from the other end"),
}


def test_right_samples_are_not_warned_of(tmp_path: Path) -> None:
    source = colour_model(tmp_path / "m.onnx")
    assert warned(source, colours(), tmp_path) == ()
    assert warned(source, replace(colours(), labels=None), tmp_path) == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_gives_one_warning_with_figures(tmp_path: Path, mistake: str) -> None:
    change, words = MISTAKES[mistake]
    source = colour_model(tmp_path / "m.onnx")
    samples = change(colours())
    if mistake in ("BGR", "classes backwards"):  # with three colours the one mistake is the other
        words = "with the classes counted from the other end"
    (warning,) = warned(source, samples, tmp_path)
    assert words in warning
    right = int((golden(source, samples, cache=tmp_path).argmax(1) == samples.labels).sum())
    assert f"right on {right} of {COUNT} images ({right / COUNT:.2f})" in warning
    assert "it is right on 120 of 120 images (1.00)" in warning


def test_the_order_of_the_names_counts_not_that_of_the_images(tmp_path: Path) -> None:
    """Images are shuffled before they are used; x[10] comes after x[9]."""
    source, samples = colour_model(tmp_path / "m.onnx"), colours()
    assert samples.labels is not None
    late = np.roll(samples.labels, 1)
    order = np.random.RandomState(0).permutation(COUNT)
    shuffled = replace(samples, x=samples.x[order], labels=late[order], names=tuple(f"x[{i}]" for i in order))
    (warning,) = warned(source, shuffled, tmp_path)
    assert "with the label of the next image" in warning


def test_swapped_channels_are_told_where_no_order_of_labels_explains_them() -> None:
    """A model of green or not: relabelling cannot stand in for swapping, and reads the same."""
    samples = colours(64)
    right = np.zeros(64, np.bool_)
    right[:20] = True

    def answers(other: SampleSet) -> NDArray[np.float32]:
        good = np.array_equal(other.x, samples.x[:, ::-1])
        assert other.labels is not None
        guess = other.labels if good else (other.labels + ~right) % 3
        return np.eye(3, dtype=np.float32)[guess]

    source = ModelSource("m", "file: m", "onnx", Path("m"), "0", _signature())  # type: ignore[arg-type]
    found = module._best_reading(source, samples, right, answers)
    assert found.startswith(
        "the reference is right on 20 of 64 images (0.31); with red and blue swapped it is right on 64"
    )


def _signature() -> object:
    from harness.models.signature import Signature

    return Signature("image", (1, 3, SIDE, SIDE), "logits", (1, 3))


@pytest.mark.parametrize("model", ["efficientvit_b0", "efficientvit_m0"])
def test_bundled_samples_without_normalisation(tmp_path: Path, model: str) -> None:
    source = resolve(name="m", bundled=model)
    right = load_samples(source, max_images=100, seed=0)
    assert warned(source, right, tmp_path) == ()
    for mean, std in (((0.0,) * 3, (1.0,) * 3), (MEAN, MEAN)):
        (warning,) = warned(source, replace(right, mean=mean, std=std), tmp_path)
        assert re.search(r"with mean and std of the model's card it is right on (5\d|6[0-4]) of 64", warning)
        assert warning.endswith("set mean: [0.286, 0.286, 0.286] and std: [0.353, 0.353, 0.353]")


def test_arrays_that_were_not_normalised(tmp_path: Path) -> None:
    """float32 samples are used as they are: pixels of 0..255 in them are told by the usual normalisation."""
    source = brightness_model(tmp_path / "m.onnx")
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 64)
    level = np.where(labels == 1, 200, 90)[:, None, None, None]
    pixels = (level + random.integers(-20, 20, (64, 3, SIDE, SIDE))).astype(np.float32)
    for x in (pixels, pixels / np.float32(255)):
        samples = SampleSet(x, labels, (), (), tuple(f"x[{i}]" for i in range(64)))
        (warning,) = warned(source, samples, tmp_path)
        assert (
            "with ImageNet's mean and std it is right on 64 of 64 images (1.00): give x as pixels of 0..1," in warning
        )
        assert warning.endswith("minus [0.485, 0.456, 0.406], over [0.229, 0.224, 0.225]")
    good = SampleSet(pixels / np.float32(127.5) - 1, labels, (), (), tuple(f"x[{i}]" for i in range(64)))
    assert warned(source, good, tmp_path) == ()


def test_guessing_is_told(tmp_path: Path) -> None:
    source, samples = colour_model(tmp_path / "m.onnx"), colours()
    nonsense = replace(samples, labels=np.random.default_rng(8).integers(0, 3, COUNT))
    (warning,) = warned(source, nonsense, tmp_path)
    assert "which guessing could be too" in warning


def test_a_card_that_is_contradicted(tmp_path: Path) -> None:
    source, samples = colour_model(tmp_path / "m.onnx"), colours()
    assert samples.labels is not None
    spoilt = samples.labels.copy()
    spoilt[::4] = (spoilt[::4] + 1) % 3
    spoilt[1::4] = (spoilt[1::4] + 2) % 3
    half = replace(samples, labels=spoilt)  # 60 of 120 right
    cases: list[tuple[object, str]] = [(0.9, "check images, labels"), (0.2, "made from its own answers"), (0.5, "")]
    for stated, words in cases:
        found = warned(replace(source, card={"top1_fp32_full_test": stated}), half, tmp_path)
        assert [words in each for each in found] == ([True] if words else [])
    first: dict[str, object] = {"top1_on_bundled_1000": 0.5, "top1_fp32_full_test": 0.9}
    assert warned(replace(source, card=first), half, tmp_path) == ()
    assert warned(replace(source, card={"top1_fp32_full_test": "good"}), half, tmp_path) == ()


def test_a_reading_without_finite_numbers_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, samples = colour_model(tmp_path / "m.onnx"), colours()

    def fails(code: Code) -> Callable[..., object]:
        def made(*_: object, **__: object) -> object:
            raise FarmError(code, "no")

        return made

    monkeypatch.setattr(module, "golden", fails(Code.REFERENCE_FAILED))
    assert answers_of(source)(samples) is None
    monkeypatch.setattr(module, "golden", fails(Code.INTERNAL))
    with pytest.raises(FarmError):
        answers_of(source)(samples)


def logits_for(chances: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Two-class logits that give the label these chances."""
    logits = np.zeros((len(labels), 2))
    logits[np.arange(len(labels)), labels] = np.log(chances / (1 - chances))
    return logits.astype(np.float32)


@pytest.mark.parametrize(
    ("surer_on", "warns"), [(64, True), (46, True), (45, False), (32, False), (18, False), (0, False)]
)
def test_swapped_channels_by_likelihood(surer_on: int, warns: bool) -> None:
    """With 64 images the sign test needs 46 (p = 0.0006; 45: 0.0016): twice a binomial tail worked out below."""
    samples = colours(64)
    labels = np.zeros(64, np.int64)
    samples = replace(samples, labels=labels)
    given = np.full(64, 0.8)
    other = np.where(np.arange(64) < surer_on, 0.95, 0.7)
    outputs = {True: logits_for(other, labels), False: logits_for(given, labels)}
    found = surer_when_swapped(samples, outputs[False], lambda _: outputs[True])
    assert bool(found) is warns
    p = 2 * sum(comb(64, k) for k in range(surer_on, 65)) / 2**64
    assert warns is (p < 1e-3)
    if warns:
        assert f"surer of the label on {surer_on} of 64 images, and right on 64 of them instead of 64" in found


def test_more_images_are_looked_at_where_few_are_suspicious() -> None:
    samples = replace(colours(200), labels=np.zeros(200, np.int64))
    asked: list[int] = []
    better = np.tile([0.95, 0.95, 0.7], 67)[:200]  # two of three: 43 of 64 (p = 0.008), 134 of 200 (p = 2e-6)

    def answers(other: SampleSet) -> NDArray[np.float32]:
        asked.append(len(other))
        return logits_for(better, np.zeros(200, np.int64))[: len(other)]

    given = logits_for(np.full(200, 0.8), np.zeros(200, np.int64))
    assert "on 134 of 200 images" in surer_when_swapped(samples, given, answers)
    assert asked == [64, 200]


def test_being_surer_but_more_often_wrong_is_no_warning() -> None:
    samples = replace(colours(64), labels=np.zeros(64, np.int64))
    given = logits_for(np.full(64, 0.6), samples.labels)  # type: ignore[arg-type]
    other = logits_for(np.where(np.arange(64) < 60, 0.99, 0.49), samples.labels)  # type: ignore[arg-type]
    assert surer_when_swapped(samples, given, lambda _: other) == ""


def test_grey_images_cannot_be_swapped() -> None:
    samples = colours()
    assert swapped(replace(samples, x=samples.x[:, :1])) is None
    assert swapped(replace(samples, x=np.repeat(samples.x[:, :1], 3, axis=1))) is None
    turned = swapped(samples)
    assert turned is not None
    np.testing.assert_array_equal(turned.x[:, 0], samples.x[:, 2])
    np.testing.assert_array_equal(turned.x[:, 1], samples.x[:, 1])


def test_likelihoods_by_hand() -> None:
    outputs = np.array([[0, 0], [np.log(3), 0], [1000, 0]], np.float32)
    np.testing.assert_allclose(likelihoods(outputs, np.array([0, 1, 1])), [-log(2), -log(4), -1000], rtol=1e-6)


def test_float_arrays_below_zero_are_taken_as_normalised(tmp_path: Path) -> None:
    source, samples = colour_model(tmp_path / "m.onnx"), colours()
    signed = replace(samples, x=samples.x.astype(np.float32) / 255 - 0.5, mean=(), std=())
    assert all("red" in text or "undone once" in text for text in other_readings(source, signed, 10))
    assert all(len(other) == 10 for other in other_readings(source, samples, 10).values())
    assert not any((other.mean, other.std) == (MEAN, STD) for other in _normalised_ones(source, samples))


@pytest.mark.parametrize(("mean", "std"), [((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5,) * 3, (0.5,) * 3)])
def test_samples_that_are_normalised_twice(tmp_path: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Undoing one of two normalisations gives the other: (((p - m) / s - m) / s) * s + m = (p - m) / s."""
    source, samples = brightness_model(tmp_path / "m.onnx"), colours(64)
    centre, scale = (np.reshape(values, (1, 3, 1, 1)) for values in (mean, std))
    once = (samples.x / 255 - centre) / scale
    told = [
        other
        for text, other in other_readings(
            source, replace(samples, x=np.asarray((once - centre) / scale, np.float32), mean=(), std=()), 64
        ).items()
        if "undone once" in text
    ]
    assert any(np.allclose(other.x, once, atol=1e-5) for other in told)
    assert all(other.x.dtype == np.float32 for other in told)


def _normalised_ones(source: ModelSource, samples: SampleSet) -> list[SampleSet]:
    return [other for text, other in other_readings(source, samples, 10).items() if "red" not in text]


def test_other_labels_by_hand() -> None:
    found = list(other_labels(np.array([0, 1, 2, 4]), ("a2", "a10", "a1", "b"), 5).values())
    # In the order of the names: a1 (2), a2 (0), a10 (1), b (4).
    assert [each.tolist() for each in found] == [
        [1, 2, 3, 0],
        [4, 0, 1, 3],
        [4, 3, 2, 0],
        [2, 0, 4, 1],
        [1, 4, 0, 2],
        [1, 0, 4, 2],
    ]


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_a_sum_of_binomial_coefficients(more: int, less: int) -> None:
    total = more + less
    tail = sum(comb(total, k) for k in range(min(more, less) + 1)) / 2**total
    assert sign_test(more, less) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


@given(st.integers(1, 40), st.floats(0.05, 0.95), st.data())
def test_tails_are_sums_of_the_binomial(trials: int, share: float, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    terms = [comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(trials + 1)]
    assert tails(successes, trials, share) == pytest.approx((sum(terms[: successes + 1]), sum(terms[successes:])))


def test_clearly_better_needs_both() -> None:
    """Ten points and p < 0.001: eleven images gained and none lost is 2 / 2^11 = 0.00098."""
    wrong, right = np.zeros(100, np.bool_), np.ones(100, np.bool_)
    assert clearly_better(wrong, np.arange(100) < 11)
    assert not clearly_better(wrong, np.arange(100) < 10)
    assert not clearly_better(np.zeros(200, np.bool_), np.arange(200) < 19)  # 9.5 points
    assert not clearly_better(right, right)
    assert not clearly_better(right, wrong)
