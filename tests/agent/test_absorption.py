"""Int8 multiplication, shown by what convolutions ignore: on this machine's engine, and by hand on what is fed."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.agent.absorption import absorbing, stimulus
from tests.agent.models import Model, convolutions
from tests.agent.served import FP32, Served

LOW_MEMORY = {**FP32, "memory": 2}


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return convolutions(tmp_path_factory.mktemp("quantised"), "--weightQuantBits", "8")


def probed(served: Served, model: Model, runtime: dict[str, int]) -> Any:
    opened = served.open(model=served.agent.store(model.mnn), runtime=runtime)
    assert opened.ok, opened.header
    try:
        return served.probe()
    finally:
        served.close()


def test_quantised_weights_with_memory_low_multiply_int8_numbers(served: Served, quantised: Model) -> None:
    probe = probed(served, quantised, LOW_MEMORY)
    assert probe["session_equals_module"] is True
    assert probe["int8_share"] == 1
    assert probe["float_operators"] == []
    assert probe["int8_typed_share"] == 0, "the engine does not say so: memory low is no int8 kernel by type"
    assert probe["half_rest_share"] == 0
    assert probe["equals_high"] is False


def test_float_weights_with_memory_low_do_not(served: Served, model: Model) -> None:
    probe = probed(served, model, LOW_MEMORY)
    assert probe["int8_share"] == 0
    assert [each["type"] for each in probe["float_operators"]] == ["Convolution"] * 3
    # Multiply-adds by hand: 3x3 convolutions 16*16*32*9*3 and 16*16*32*9*32, then 32*10.
    macs = np.array([16 * 16 * 32 * 9 * 32, 16 * 16 * 32 * 9 * 3, 32 * 10])
    shares = [each["share"] for each in probe["float_operators"]]
    np.testing.assert_allclose(shares, macs / macs.sum(), rtol=0.02)


def test_dequantised_weights_say_nothing_of_int8(served: Served, quantised: Model) -> None:
    probe = probed(served, quantised, FP32)
    assert (probe["int8_share"], probe["int8_typed_share"], probe["half_rest_share"]) == (None, None, None)
    assert probe["float_operators"] == []


def test_operators_that_are_not_half_are_named(served: Served, model: Model) -> None:
    probe = probed(served, model, FP32)
    named = probe["full_operators"]
    assert named[0]["type"] == "Convolution"
    assert [each["share"] for each in named] == sorted((each["share"] for each in named), reverse=True)
    assert sum(each["share"] for each in named) == pytest.approx(1)
    assert probe["session_memory_mb_high"] is None


def test_memory_is_compared_with_the_same_file_at_precision_high(served: Served, quantised: Model) -> None:
    probe = probed(served, quantised, LOW_MEMORY)
    assert 0 < probe["session_memory_mb"] < probe["session_memory_mb_high"]


@pytest.mark.parametrize("channels", [1, 2, 3, 32, 33, 40, 64])
def test_what_is_fed_is_whole_steps_but_for_an_eighth(channels: int) -> None:
    shape = (1, channels, 9, 7)
    still, moved = stimulus(shape, 0.0) * 64, stimulus(shape, 0.125) * 64
    assert (still == np.rint(still)).all()
    assert (still.min(), still.max()) == (-127, 128)
    away = np.abs(moved - still)
    assert set(np.unique(away)) <= {0, 0.125}
    assert (away > 0).any(), "something must move"
    assert (away[np.abs(still) > 31] == 0).all(), "the extremes set the range and stay"
    assert np.abs(still[np.abs(still) < 100]).max() <= 31
    assert (moved / 64).astype(np.float32).astype(np.float16).astype(np.float32).tobytes() == (
        moved / 64
    ).tobytes(), "float16 holds it exactly, or it would move what is to be still"


@pytest.mark.parametrize("channels", [3, 32, 64])
@pytest.mark.parametrize("of", ["tensor", "pixel"])
def test_rounding_takes_the_move_away_whatever_the_range_is_taken_of(channels: int, of: str) -> None:
    still, moved = stimulus((1, channels, 8, 8), 0.0), stimulus((1, channels, 8, 8), 0.125)
    axis = None if of == "tensor" else 1
    for largest in (True, False):
        one, other = (rounded(each, axis, by_largest=largest) for each in (still, moved))
        assert (one == other).all()


def rounded(values: Any, axis: int | None, *, by_largest: bool) -> Any:
    """Quantise as an engine may: by the largest magnitude / 127, or by the range / 255 from the smallest value."""
    low, high = values.min(axis=axis, keepdims=True), values.max(axis=axis, keepdims=True)
    if by_largest:
        return np.rint(values / (np.maximum(-low, high) / 127))
    step = (high - low) / 255
    return np.rint((values - low) / step)


class Info:
    def __init__(self, name: str, kind: str = "Convolution") -> None:
        self.getName = lambda: name
        self.getType = lambda: kind


def test_an_operator_that_takes_no_notice_of_its_input_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.agent.absorption.host", lambda tensor: tensor)
    monkeypatch.setattr("harness.agent.absorption.MNN", FakeEngine)
    outputs: dict[str, Callable[[Any], Any]] = {
        "rounds": lambda given: np.rint(given * 64).sum(axis=1),
        "multiplies": lambda given: given.sum(axis=1),
        "deaf": lambda _: np.arange(64, dtype=np.float32),
        "clips": lambda _: np.zeros(64, np.float32),
    }
    ordinary = dict.fromkeys(outputs, 0)
    ordinary["deaf"] = zlib.crc32(outputs["deaf"](None).tobytes())

    def run(before: Callable[..., bool], after: Callable[..., bool]) -> None:
        for name, answer in outputs.items():
            tensor = FakeTensor()
            assert before([tensor], Info(name)) is True
            assert after([answer(tensor.values).astype(np.float32)], Info(name)) is True

    assert absorbing(run, ordinary) == {"rounds": True, "multiplies": False, "deaf": None, "clips": None}


class FakeTensor:
    def __init__(self) -> None:
        self.values = np.zeros((1, 8, 8, 8), np.float32)

    def getShape(self) -> tuple[int, ...]:  # noqa: N802 - the engine's name
        return self.values.shape

    def copyFrom(self, values: Any) -> None:  # noqa: N802 - the engine's name
        self.values = values


class FakeEngine:
    Halide_Type_Float = Tensor_DimensionType_Caffe = None

    @staticmethod
    def Tensor(_shape: Any, _kind: Any, values: Any, _order: Any) -> Any:  # noqa: N802 - the engine's name
        return values
