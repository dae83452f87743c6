"""Layers that are to stay float do, to the bit, and the others do not; shown by what files compute and hold."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from harness.errors import Code, FarmError
from harness.models import host, kept_float, mnn_tool
from harness.models.kept_float import Layer, compression_parameters, float_layers
from harness.models.layers import layers_of
from harness.models.source import ModelSource, resolve
from harness.models.variants import make_variant, why_impossible
from harness.precision import Weights
from tests.models.builders import float_samples, linear_model, network, pixel_samples, save, source_of
from tests.models.raw_mnn import script

SAMPLES = float_samples(4, channels=3)
SIDE, WIDTH = 16, 8


def towers_weights() -> dict[str, NDArray[np.float32]]:
    """Weights of three towers; each row has another range, so that rounding shows in every output."""
    random = np.random.RandomState(0)
    return {name: random.randn(WIDTH, 3, 1, 1).astype(np.float32) for name in ("one", "two", "three")}


def towers(path: Path) -> Path:
    """Three 1x1 convolutions side by side, each with outputs of its own: [1, 3, 16, 16] -> [1, 24]."""
    names = list(towers_weights())
    nodes = [
        node
        for name in names
        for node in (
            helper.make_node("Conv", ["image", name], [f"{name}_map"], kernel_shape=[1, 1], name=name),
            helper.make_node("Relu", [f"{name}_map"], [f"{name}_positive"]),
            helper.make_node("GlobalAveragePool", [f"{name}_positive"], [f"{name}_mean"]),
        )
    ]
    nodes += [
        helper.make_node("Concat", [f"{name}_mean" for name in names], ["all"], axis=1),
        helper.make_node("Flatten", ["all"], ["out"]),
    ]
    shapes: dict[str, Any] = {"inputs": {"image": [1, 3, SIDE, SIDE]}, "outputs": {"out": [1, 3 * WIDTH]}}
    return save(path, nodes, towers_weights(), **shapes)


def by_hand(x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """What each tower gives: [images, WIDTH]."""
    return {
        name: np.maximum(np.einsum("oc,nchw->nohw", weights[:, :, 0, 0].astype(np.float64), x), 0).mean(axis=(2, 3))
        for name, weights in towers_weights().items()
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return source_of(towers(tmp_path_factory.mktemp("towers") / "m.onnx"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def errors(source: ModelSource, weights: Weights, cache: Path) -> list[float]:
    """The relative error of each tower on this machine."""
    variant = make_variant(source, weights, SAMPLES, cache=cache)
    outputs = host.run_file(variant.path, variant.signature, SAMPLES, runtime=host.fp32())
    parts = np.split(outputs, 3, axis=1)
    exact = by_hand(SAMPLES.x).values()
    return [float(np.linalg.norm(part - one) / np.linalg.norm(one)) for part, one in zip(parts, exact, strict=True)]


def names(source: ModelSource, cache: Path) -> list[str]:
    return [layer.name for layer in layers_of(source, cache=cache)]


EXACT, ROUNDED = 1e-6, 1e-4
"""A float32 tower is off by less than the first, one of 8-bit weights by more than the second."""

FORMS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({}, (0,)),
    ({}, (0, 2)),
    ({"symmetric": True}, (1,)),
    ({"hqq": True}, (2,)),
    ({"bits": 4, "hqq": True}, (0, 1)),
]


@pytest.mark.parametrize(("form", "kept"), FORMS)
def test_the_layers_named_are_float_and_no_others(
    source: ModelSource, cache: Path, form: dict[str, Any], kept: tuple[int, ...]
) -> None:
    layers = names(source, cache)
    weights = Weights(**{"bits": 8, **form}, keep_float=tuple(layers[place] for place in kept))
    for place, error in enumerate(errors(source, weights, cache)):
        assert (error < EXACT) if place in kept else (error > ROUNDED), (place, error)


def test_their_weights_are_in_the_file_bit_by_bit(source: ModelSource, cache: Path) -> None:
    layers = names(source, cache)
    kept = make_variant(source, Weights(bits=8, keep_float=(layers[1],)), SAMPLES, cache=cache)
    data = kept.path.read_bytes()
    found = {name: weights.tobytes() in data for name, weights in towers_weights().items()}
    assert found == {"one": False, "two": True, "three": False}


def test_calibrated_int8_leaves_them_float_too(tmp_path: Path) -> None:
    source, samples = source_of(network(tmp_path / "m.onnx")), pixel_samples(2, calibration=8)
    layers = [layer.name for layer in layers_of(source, calibrated=True, cache=tmp_path)]
    assert len(layers) == 3
    whole = make_variant(source, Weights(calibrated=True), samples, cache=tmp_path)
    part = make_variant(source, Weights(calibrated=True, keep_float=(layers[2],)), samples, cache=tmp_path)
    assert [each.name for each in float_layers(whole.path)] == []
    assert [each.name for each in float_layers(part.path)] == [layers[2]]
    assert whole.key != part.key


def test_the_layers_are_listed_as_they_are_in_the_file(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["image", "dense"], ["a"], kernel_shape=[3, 5], pads=[1, 2, 1, 2], name="dense"),
        helper.make_node("Conv", ["a", "deep"], ["b"], kernel_shape=[3, 3], group=8, name="deep"),
        helper.make_node("Conv", ["b", "groups"], ["c"], kernel_shape=[1, 1], group=2, name="groups"),
        helper.make_node("GlobalAveragePool", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "head"], ["out"], transB=1, name="head"),
    ]
    random = np.random.RandomState(0)
    arrays = {
        name: random.randn(*shape).astype(np.float32)
        for name, shape in {
            "dense": (8, 3, 3, 5),
            "deep": (8, 1, 3, 3),
            "groups": (6, 4, 1, 1),
            "head": (5, 6),
        }.items()
    }
    path = save(tmp_path / "m.onnx", nodes, arrays, inputs={"image": [1, 3, 16, 16]}, outputs={"out": [1, 5]})
    found = layers_of(source_of(path), cache=tmp_path)
    assert found == (
        Layer("a", 3, 8, (3, 5)),
        Layer("b", 8, 8, (3, 3)),
        Layer("c__group__0", 4, 3, (1, 1)),
        Layer("c__group__1", 4, 3, (1, 1)),
        Layer("out__matmul_converted", 6, 5, (1, 1)),
    )
    assert layers_of(source_of(path), calibrated=True, cache=tmp_path) == found


def test_a_model_without_weights_has_no_layers(tmp_path: Path) -> None:
    nodes = [helper.make_node("Flatten", ["image"], ["out"])]
    path = save(tmp_path / "m.onnx", nodes, {}, inputs={"image": [1, 1, 4, 4]}, outputs={"out": [1, 16]})
    source = source_of(path)
    assert layers_of(source, cache=tmp_path) == ()
    reason = why_impossible(source, Weights(bits=8, keep_float=("a",)), float_samples(1), cache=tmp_path)
    assert reason == "it has no layer a that could be kept float; it has no layer with weights"


def test_the_layers_of_a_model_are_listed_once(
    source: ModelSource, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = layers_of(source, cache=cache)
    monkeypatch.setattr(mnn_tool, "ask", None)
    assert layers_of(source, cache=cache) == first


def test_a_name_that_is_none_is_impossible_and_the_nearest_is_told(source: ModelSource, cache: Path) -> None:
    def reason(*kept: str) -> str | None:
        return why_impossible(source, Weights(bits=8, keep_float=kept), SAMPLES, cache=cache)

    layers = names(source, cache)
    wrong = layers[1].replace("two", "tow")
    assert reason(wrong) == f"it has no layer {wrong} that could be kept float; the nearest name is {layers[1]}"
    assert reason(wrong, layers[0], "zzz") == (
        f"it has no layer {wrong} that could be kept float (and 1 more of the names under keep_float); "
        f"the nearest name is {layers[1]}"
    )
    assert reason(*layers) == "keep_float names all of its layers, so that none is left to be quantised"
    assert reason(*layers[:2]) is None
    with pytest.raises(FarmError, match="it has no layer zzz"):
        make_variant(source, Weights(bits=8, keep_float=("zzz",)), SAMPLES, cache=cache)


def test_a_tool_that_quantises_them_all_the_same_is_caught(source: ModelSource, cache: Path) -> None:
    whole = make_variant(source, Weights(bits=8), SAMPLES, cache=cache)
    layers = names(source, cache)
    with pytest.raises(
        FarmError, match=f"quantised layers that are to stay float: {layers[0]}, {layers[1]}"
    ) as caught:
        kept_float.check(whole.path, layers[:2])
    assert caught.value.problem.code is Code.CONVERSION_FAILED
    plain = make_variant(source, Weights(), SAMPLES, cache=cache)
    kept_float.check(plain.path, layers)


def test_the_converter_ignores_what_it_does_not_know(tmp_path: Path) -> None:
    """Which is why every file that was made is read again."""
    towers(tmp_path / "m.onnx")
    good = compression_parameters(["two_map"], "3.6.1")
    layers = good["algo"][0]["quantParams"]
    files = {
        "good": good,
        "unknown": compression_parameters(["two"], "3.6.1"),
        "empty": {**good, "algo": []},
        "spelled": {**good, "algo": [{"type": "QUANTIZE", "quantparams": layers}]},
    }
    for name, parameters in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(parameters))
    (tmp_path / "broken.json").write_text("{")
    calls = "".join(
        f'convert("m.onnx", "{name}.mnn", "--weightQuantBits", "8", "--compressionParamsFile", "{name}.json");'
        for name in (*files, "broken")
    )
    assert script(calls, cwd=tmp_path).returncode == 0
    floats = {name: [each.name for each in float_layers(tmp_path / f"{name}.mnn")] for name in (*files, "broken")}
    assert floats == {"good": ["two_map"], "unknown": [], "empty": [], "spelled": [], "broken": []}


@pytest.mark.parametrize("name", ["efficientvit_b0", "efficientvit_m0"])
def test_in_the_bundled_models_exactly_the_layers_named_stay_float(name: str, tmp_path: Path) -> None:
    source = resolve(name=name, bundled=name)
    layers = [layer.name for layer in layers_of(source, cache=tmp_path)]
    assert len(layers) > 50
    kept = tuple(layers[::7])
    variant = make_variant(source, Weights(bits=8, keep_float=kept), float_like(source), cache=tmp_path)
    assert [each.name for each in float_layers(variant.path)] == list(kept)


def float_like(source: ModelSource) -> Any:
    from harness.models.load_samples import load_samples

    return load_samples(source, max_images=1, seed=0)


def test_half_quadratic_weights_are_others_and_not_worse(tmp_path: Path) -> None:
    """That `--hqq=1` does something: other numbers than 4 bits without it, and nearer to the model's own."""
    source, samples = source_of(linear_model(tmp_path / "m.onnx")), float_samples(6)

    def outputs(weights: Weights) -> NDArray[np.float32]:
        variant = make_variant(source, weights, samples, cache=tmp_path)
        return host.run_file(variant.path, variant.signature, samples, runtime=host.fp32())

    exact = outputs(Weights())
    plain, hqq = outputs(Weights(bits=4, block=32)), outputs(Weights(bits=4, block=32, hqq=True))
    assert not np.array_equal(plain, hqq)
    assert 0 < np.linalg.norm(hqq - exact) < 1.5 * np.linalg.norm(plain - exact)
