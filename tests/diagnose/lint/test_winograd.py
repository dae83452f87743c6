"""Winograd's transforms are exact in exact arithmetic, and cost accuracy in float16."""

import numpy as np
import pytest

from harness.diagnose.lint import winograd
from harness.diagnose.lint.half import relative, squares
from harness.diagnose.lint.winograd import tile_of, transforms
from tests.diagnose.lint.builders import Floats, call, floats

RANDOM = np.random.RandomState(3)


@pytest.mark.parametrize(("outputs", "kernel"), [(2, 3), (4, 3), (2, 5), (3, 2)])
def test_a_tile_is_a_convolution(outputs: int, kernel: int) -> None:
    side = outputs + kernel - 1
    d, g = RANDOM.randn(side, side), RANDOM.randn(kernel, kernel)
    t = transforms(outputs, kernel)
    found = t.a.T @ ((t.g @ g @ t.g.T) * (t.b @ d @ t.b.T)) @ t.a
    by_hand = [[np.sum(d[y : y + kernel, x : x + kernel] * g) for x in range(outputs)] for y in range(outputs)]
    np.testing.assert_allclose(found, by_hand, atol=1e-10)


def test_f_2_3_is_the_one_in_the_books() -> None:
    """Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, but for signs that cancel."""
    t = transforms(2, 3)
    assert np.abs(t.g).tolist() == [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]]
    assert np.abs(t.b).tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]]


def conv(
    channels: int, kernel: int, size: tuple[int, int] = (16, 16), outputs: int = 16, **attributes: object
) -> int:
    """Return how many outputs in a row a tile has, 0 for direct convolution."""
    group = attributes.get("group", 1)
    assert isinstance(group, int)
    w = floats(RANDOM.randn(16, channels // group, kernel, kernel))
    x = floats(RANDOM.randn(1, channels, *size))
    found = tile_of(call("Conv", [x], {"w": w}, pads=[kernel // 2] * 4, **attributes))
    return 0 if found is None else found.outputs


def test_which_convolutions_are_tiled() -> None:
    assert conv(64, 3) == 4
    assert conv(16, 5) == 2
    assert conv(64, 3, group=4) == 4
    assert conv(64, 3, size=(2, 9)) == 2
    for direct in (
        conv(64, 1),
        conv(64, 7),
        conv(64, 3, strides=[2, 2]),
        conv(64, 3, dilations=[2, 2]),
        conv(16, 3, group=16),
        conv(64, 3, size=(1, 16)),
    ):
        assert direct == 0


def test_activations_as_kernels_are_multiplied_directly() -> None:
    x, w = floats(RANDOM.randn(1, 8, 16, 16)), floats(RANDOM.randn(8, 8, 3, 3))
    assert tile_of(call("Conv", [x, w], pads=[1] * 4)) is None


@pytest.mark.parametrize("attributes", [{"pads": [1] * 4}, {}, {"auto_pad": "SAME_LOWER"}, {"group": 2}])
def test_without_rounding_nothing_is_lost(attributes: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    def exact(values: Floats) -> Floats:
        return floats(values)

    monkeypatch.setattr("harness.diagnose.lint.half.half", exact)
    monkeypatch.setattr(winograd, "half", exact)
    group = attributes.get("group", 1)
    assert isinstance(group, int)
    kernel = {"w": floats(RANDOM.randn(6, 8 // group, 3, 3)), "b": floats(RANDOM.randn(6))}
    made = call("Conv", [floats(RANDOM.randn(1, 8, 13, 14))], kernel, **attributes)
    found, right = winograd.replay(transforms(4, 3), made, count=500, random=np.random.RandomState(0))
    assert right.shape[1:] == (4, 4)
    assert relative([squares(found, right)]) < 1e-5


def test_larger_tiles_lose_more() -> None:
    x, w = floats(RANDOM.randn(1, 64, 16, 16)), floats(RANDOM.randn(16, 64, 3, 3))
    made = call("Conv", [x], {"w": w}, pads=[1] * 4)
    errors = [
        relative([squares(*winograd.replay(transforms(m, 3), made, count=2000, random=np.random.RandomState(0)))])
        for m in (2, 4)
    ]
    assert 2 * errors[0] < errors[1]
