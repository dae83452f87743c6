"""An epsilon grows where the samples allow it, to what survives in float16, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper

from harness.models.rewrites import epsilon
from harness.models.rewrites.epsilon import FACTOR, VANISHES, _vanishes
from harness.models.rewrites.graph import constants
from tests.models.builders import save
from tests.models.rewrites.models import known, loaded

NORMAL, LEAST = 2.0**-14, 2.0**-24
ENOUGH, JUST = 2 * FACTOR * NORMAL, 2 * FACTOR * LEAST


def ratio(
    path: Path,
    eps: float = 1e-15,
    guard: str = "Add",
    *,
    between: tuple[str, ...] = (),
    swapped: bool = False,
    above: str = "x",
) -> Path:
    """x / guard(x, eps), or 1 above it; with more operators between guard and division."""
    operands = ["eps", "x"] if swapped else ["x", "eps"]
    steps = [helper.make_node(op, [f"g{place}"], [f"g{place + 1}"]) for place, op in enumerate(between)]
    nodes = [
        helper.make_node("Flatten", ["image"], ["x"]),
        helper.make_node(guard, operands, ["g0"], name="guard"),
        *steps,
        helper.make_node("Div", [above, f"g{len(between)}"], ["out"]),
    ]
    arrays: dict[str, NDArray[Any]] = {"eps": np.array(eps, np.float32), "one": np.array([1], np.float32)}
    return save(path, nodes, arrays, inputs={"image": [1, 1, 1, 4]}, outputs={"out": [1, 4]})


def image(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32).reshape(1, 1, 1, 4)


def after(model: onnx.ModelProto) -> float:
    """What the guard adds, or compares with."""
    (guard,) = [node for node in model.graph.node if node.name == "guard"]
    written = constants(model.graph)
    return float(next(written[name] for name in guard.input if name in written))


@pytest.mark.parametrize("guard", ["Add", "Max", "Clip"])
@pytest.mark.parametrize(("smallest", "expected"), [(ENOUGH, NORMAL), (JUST, LEAST)])
@pytest.mark.parametrize("eps", [1e-15, 2.0**-25, 1e-30])
def test_it_becomes_the_largest_that_the_denominators_allow(
    tmp_path: Path, guard: str, smallest: float, expected: float, eps: float
) -> None:
    model, x = loaded(ratio(tmp_path / "m.onnx", eps, guard)), image(0, smallest, 3, 5)
    assert epsilon.apply(model, known(model, x)).changed == ("guard",)
    assert after(model) == expected
    onnx.checker.check_model(model)
    (out,) = [each["out"] for each in known(model, x).values(["out"])]
    np.testing.assert_allclose(out[0], [0, 1, 1, 1], rtol=1 / FACTOR)
    assert np.float16(after(model)) > 0


@pytest.mark.parametrize("between", [("Sqrt",), ("Identity", "Sqrt")])
def test_the_guard_may_stand_further_up(tmp_path: Path, between: tuple[str, ...]) -> None:
    model, x = loaded(ratio(tmp_path / "m.onnx", between=between, swapped=True)), image(0, ENOUGH, 3, 5)
    assert epsilon.apply(model, known(model, x)).changed == ("guard",)
    assert after(model) == NORMAL


@pytest.mark.parametrize("eps", [1e-5, 2.0**-24, 3e-8, 0.0, 1.0])
def test_what_survives_in_float16_or_is_nothing_anyway_is_left(tmp_path: Path, eps: float) -> None:
    model, x = loaded(ratio(tmp_path / "m.onnx", eps)), image(0, 2, 3, 5)
    outcome = epsilon.apply(model, known(model, x))
    assert (outcome.changed, outcome.left) == ((), ())
    assert after(model) == np.float32(eps)


def test_denominators_that_are_too_small_forbid_it(tmp_path: Path) -> None:
    model, x = loaded(ratio(tmp_path / "m.onnx")), image(0, FACTOR * LEAST * 0.9, 3, 5)
    outcome = epsilon.apply(model, known(model, x))
    assert outcome.changed == ()
    assert outcome.left == ("guard: it comes down to 0.00054 on the samples, too near to what float16 holds",)
    assert after(model) == np.float32(1e-15)


def test_one_sample_of_many_is_enough_to_forbid_it(tmp_path: Path) -> None:
    model = loaded(ratio(tmp_path / "m.onnx"))
    x = np.concatenate([*[image(1, 2, 3, 5)] * 5, image(1, 2, 3, 1e-6)])
    assert epsilon.apply(model, known(model, x)).changed == ()


@pytest.mark.parametrize("guard", ["Add", "Max"])
def test_zero_below_something_forbids_it(tmp_path: Path, guard: str) -> None:
    model, x = loaded(ratio(tmp_path / "m.onnx", guard=guard, above="one")), image(0, 2, 3, 5)
    outcome = epsilon.apply(model, known(model, x))
    assert (outcome.changed, outcome.left) == ((), ("guard: it is 0 on the samples below a numerator that is not",))
    there = image(1, 2, 3, 5)
    assert epsilon.apply(model, known(model, there)).changed == ("guard",)


def test_what_a_maximum_hides_is_seen_all_the_same(tmp_path: Path) -> None:
    """max(-5, eps) is eps: -5 is far from 0, and the ratio is made of the constant alone."""
    model = loaded(ratio(tmp_path / "m.onnx", guard="Max"))
    assert epsilon.apply(model, known(model, image(-5, 2, 3, 5))).changed == ()


def test_a_small_constant_elsewhere_is_left(tmp_path: Path) -> None:
    nodes = [helper.make_node("Flatten", ["image"], ["x"]), helper.make_node("Add", ["x", "eps"], ["out"])]
    arrays: dict[str, NDArray[Any]] = {"eps": np.array(1e-15, np.float32)}
    path = save(tmp_path / "m.onnx", nodes, arrays, inputs={"image": [1, 1, 1, 4]}, outputs={"out": [1, 4]})
    model = loaded(path)
    assert epsilon.apply(model, known(model, image(1, 2, 3, 4))).changed == ()


def test_two_guards_are_judged_each_by_itself(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["image"], ["x"]),
        helper.make_node("Mul", ["x", "tiny"], ["y"]),
        *(helper.make_node("Add", [name, "eps"], [f"{name}_kept"], name=name) for name in "xy"),
        *(helper.make_node("Div", [name, f"{name}_kept"], [f"{name}_out"]) for name in "xy"),
        helper.make_node("Add", ["x_out", "y_out"], ["out"]),
    ]
    arrays: dict[str, NDArray[Any]] = {"eps": np.array([1e-15], np.float32), "tiny": np.array([1e-5], np.float32)}
    path = save(tmp_path / "m.onnx", nodes, arrays, inputs={"image": [1, 1, 1, 4]}, outputs={"out": [1, 4]})
    model = loaded(path)
    outcome = epsilon.apply(model, known(model, image(1, 2, 3, 4)))
    assert outcome.changed == ("x",)
    assert outcome.left == ("y: it comes down to 1e-05 on the samples, too near to what float16 holds",)
    onnx.checker.check_model(model)


@settings(max_examples=300)
@given(st.floats(2.0**-100, 1, width=32))
def test_what_vanishes_is_what_float16_makes_nothing_of(value: float) -> None:
    assert _vanishes(np.array(value, np.float32)) == (np.float16(value) == 0)
    assert np.float16(VANISHES) == 0 < np.float16(np.nextafter(np.float32(VANISHES), np.float32(1)))
