import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from harness.errors import Code, FarmError
from harness.models import checks, host, mnn_tool
from harness.models.cache import key_of
from harness.models.golden import golden
from harness.models.variants import make_variant, why_impossible
from harness.precision import CATALOGUE, Memory, Precision, Weights
from tests.models.builders import (
    SIDE,
    float_samples,
    linear_by_hand,
    linear_model,
    linear_weights,
    network,
    patches,
    pixel_samples,
    save,
    source_of,
)

SAMPLES = float_samples(6)
SLACK = 1e-4
"""For fp32 arithmetic on numbers of order 10."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("variants")
    linear_model(folder / "linear.onnx")
    network(folder / "network.onnx")
    network(folder / "gated.onnx", pool="ReduceMean")
    return folder


def ranges(block: int | None) -> NDArray[np.float64]:
    """The width of each weight's quantisation range, [classes, channels]: of its row, or its block of the row."""
    weights = linear_weights()[0].astype(np.float64)
    parts = weights.reshape(len(weights), -1, block or weights.shape[1])
    widths = parts.max(axis=2) - parts.min(axis=2)
    return np.repeat(widths, parts.shape[2], axis=1)


def bound(precision: Precision) -> NDArray[np.float64]:
    """How far an output may be off, [images, classes], from the weights' and the inputs' rounding alone."""
    weights = np.abs(linear_weights()[0].astype(np.float64))
    x = np.abs(patches(SAMPLES.x).astype(np.float64)).mean(axis=2)
    if precision.weights.bits is None:
        return SLACK + (2.0**-11 * x @ weights.T if precision.weights.half else np.zeros((len(x), len(weights))))
    # Half a step; and as much again for an engine that keeps scale or offset of a range with less than fp32.
    off = x @ (ranges(precision.weights.block) / (2**precision.weights.bits - 1)).T
    if precision.memory is Memory.LOW:
        seen = patches(SAMPLES.x)
        step = (seen.max(axis=(1, 2)) - seen.min(axis=(1, 2))) / 255
        off += step[:, None] * weights.sum(axis=1)[None]
    return np.asarray(SLACK + off)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "int8"])
def test_every_precision_is_as_near_as_its_rounding_allows(shared: Path, name: str) -> None:
    precision = CATALOGUE[name]
    variant = make_variant(source_of(shared / "linear.onnx"), precision.weights, SAMPLES, cache=shared)
    outputs = host.run_file(variant.path, variant.signature, SAMPLES, runtime=precision.runtime(1))
    error = np.abs(outputs - linear_by_hand(SAMPLES.x))
    assert (error <= bound(precision)).all(), (error.max(), bound(precision).min())
    if precision.weights != Weights():
        assert error.max() > SLACK / 10, "the weights were not quantised at all"


def test_fewer_bits_lose_more_and_blocks_lose_less(shared: Path) -> None:
    source = source_of(shared / "linear.onnx")

    def error(weights: Weights) -> float:
        variant = make_variant(source, weights, SAMPLES, cache=shared)
        outputs = host.run_file(variant.path, variant.signature, SAMPLES, runtime=host.fp32())
        return float(np.abs(outputs - linear_by_hand(SAMPLES.x)).mean())

    assert error(Weights(bits=4)) > error(Weights(bits=4, block=32)) > error(Weights(bits=8))
    assert error(Weights(bits=8, symmetric=True)) > error(Weights(bits=8))


@pytest.mark.parametrize("model", ["network.onnx", "gated.onnx"])
def test_int8_is_calibrated_and_near(shared: Path, model: str) -> None:
    source, samples = source_of(shared / model), pixel_samples(20, calibration=30)
    variant = make_variant(source, Weights(calibrated=True), samples, cache=shared)
    outputs = host.run_file(variant.path, variant.signature, samples, runtime=CATALOGUE["int8"].runtime(1))
    reference = golden(source, samples, cache=shared)
    error = np.linalg.norm(outputs - reference, axis=1) / np.linalg.norm(reference, axis=1)
    assert 1e-4 < np.median(error) < 0.1


def test_int8_without_calibration_images_is_impossible(shared: Path) -> None:
    source = source_of(shared / "network.onnx")
    assert why_impossible(source, Weights(calibrated=True), pixel_samples(2)) == "none left"
    assert why_impossible(source, Weights(calibrated=True), pixel_samples(2, calibration=1)) is None
    with pytest.raises(FarmError, match="none left"):
        make_variant(source, Weights(calibrated=True), pixel_samples(2), cache=shared)


def test_a_variant_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    first = make_variant(source, Weights(), SAMPLES, cache=tmp_path)
    monkeypatch.setattr(mnn_tool, "ask", None)
    again = make_variant(source, Weights(), SAMPLES, cache=tmp_path)
    assert (first.converted, again.converted) == (True, False)
    assert (first.path, first.sha256, first.size, first.seconds) == (
        again.path,
        again.sha256,
        again.size,
        again.seconds,
    )


def test_a_damaged_variant_is_made_again(tmp_path: Path) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    first = make_variant(source, Weights(), SAMPLES, cache=tmp_path)
    data = bytearray(first.path.read_bytes())
    data[len(data) // 2] ^= 1
    first.path.write_bytes(data)
    again = make_variant(source, Weights(), SAMPLES, cache=tmp_path)
    assert again.converted
    assert again.path == first.path
    assert not make_variant(source, Weights(), SAMPLES, cache=tmp_path).converted


def test_two_that_want_the_same_variant_make_it_once(tmp_path: Path) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: make_variant(source, Weights(half=True), SAMPLES, cache=tmp_path), range(3)))
    assert sorted(each.converted for each in made) == [False, False, True]
    assert len({each.sha256 for each in made}) == 1


def vanishing(path: Path) -> Path:
    """x / (x + 1e-15), which is 0 at 0 as long as the constant is not rounded to half."""
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Add", ["flat", "eps"], ["sum"]),
        helper.make_node("Div", ["flat", "sum"], ["out"]),
    ]
    eps = {"eps": np.array([1e-15], np.float32)}
    return save(path, nodes, eps, inputs={"image": [1, 1, SIDE, SIDE]}, outputs={"out": [1, SIDE * SIDE]})


def test_a_variant_that_is_not_finite_is_found_before_it_is_sent(tmp_path: Path) -> None:
    source, samples = source_of(vanishing(tmp_path / "m.onnx")), float_samples(1)
    samples.x[...] = 0
    assert make_variant(source, Weights(), samples, cache=tmp_path).finite
    for _ in range(2):  # the second time from the cache
        with pytest.raises(FarmError, match=r"gives NaN or infinity.*an eps of 1e-15") as caught:
            make_variant(source, Weights(half=True), samples, cache=tmp_path)
        assert caught.value.problem.code is Code.CONVERSION_FAILED
    assert not make_variant(source, Weights(half=True), samples, cache=tmp_path, allow_nonfinite=True).finite


def test_a_converter_that_writes_nothing_is_not_believed(tmp_path: Path) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    source.path.unlink()
    with pytest.raises(FarmError, match="wrote no file; its last lines:") as caught:
        make_variant(source, Weights(), SAMPLES, cache=tmp_path)
    assert caught.value.problem.code is Code.CONVERSION_FAILED
    assert not list((tmp_path / "variants").glob("*.mnn"))


def test_a_converter_that_is_too_slow(tmp_path: Path) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    with pytest.raises(FarmError, match=r"did not end within 0\.01 s"):
        make_variant(source, Weights(), SAMPLES, cache=tmp_path, deadline_s=0.01)


def test_a_file_of_another_model_fails_the_check(shared: Path) -> None:
    variant = make_variant(source_of(shared / "network.onnx"), Weights(), pixel_samples(1), cache=shared)
    right = variant.signature
    assert checks.check(variant.path, right, pixel_samples(1), said="")
    for wrong in (
        source_of(shared / "linear.onnx").signature,
        dataclasses.replace(right, input_name="picture"),
        dataclasses.replace(right, input_shape=(1, 3, 8, 8)),
        dataclasses.replace(right, output_name="answer"),
        dataclasses.replace(right, output_shape=(1, 5)),
    ):
        with pytest.raises(FarmError, match="inputs and outputs") as caught:
            checks.check(variant.path, wrong, pixel_samples(1), said="")
        assert caught.value.problem.code is Code.CONVERSION_FAILED


FLAVOURS = [(False, False), (True, False), (False, True)]


def test_what_is_new_in_weights_leaves_the_keys_of_others_alone(tmp_path: Path) -> None:
    source = source_of(linear_model(tmp_path / "m.onnx"))
    made = make_variant(source, Weights(bits=8), SAMPLES, cache=tmp_path)
    flags = ["--weightQuantBits", "8"]
    expected = key_of(recipe=1, onnx=source.sha256, flags=flags, mnn=mnn_tool.mnn_version(), calibration=None)
    assert made.key == expected


def test_weights_and_calibration_are_part_of_the_key(tmp_path: Path) -> None:
    source = source_of(network(tmp_path / "m.onnx"))
    weights = [
        Weights(),
        Weights(half=True),
        Weights(bits=8),
        Weights(bits=8, symmetric=True),
        Weights(bits=8, hqq=True),
    ]
    made = [make_variant(source, each, pixel_samples(1), cache=tmp_path) for each in weights]
    for seed in (0, 1):
        samples = pixel_samples(1, calibration=4, seed=seed)
        made.append(make_variant(source, Weights(calibrated=True), samples, cache=tmp_path))
    assert len({each.key for each in made}) == len(made)
    assert len({each.sha256 for each in made}) == len(made)
