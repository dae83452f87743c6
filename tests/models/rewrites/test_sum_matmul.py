"""Long products are added up in parts; short and odd ones are left."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper

from harness.models import reference
from harness.models.rewrites import sum_matmul
from harness.models.rewrites.sum_matmul import _LEAST_PART, LARGEST, LONG, PART, _part
from harness.models.signature import Signature
from tests.models.builders import save
from tests.models.rewrites.models import known, loaded


def product(path: Path, a: tuple[int, ...], b: tuple[int, ...], *, constant: bool = False) -> Path:
    """A model whose image holds two matrices (or stacks of them), that returns their product."""
    first, total = int(np.prod(a)), int(np.prod(a) + np.prod(b))
    nodes = [
        helper.make_node("Reshape", ["image", "line"], ["numbers"]),
        helper.make_node("Slice", ["numbers", "zero", "middle"], ["a_line"]),
        helper.make_node("Slice", ["numbers", "middle", "end"], ["b_line"]),
        helper.make_node("Reshape", ["a_line", "a_shape"], ["a"]),
        helper.make_node("Reshape", ["b_line", "b_shape"], ["b"]),
        helper.make_node("MatMul", ["a", "weights" if constant else "b"], ["product"], name="product"),
        helper.make_node("Flatten", ["product"], ["out"], axis=0),
    ]
    arrays: dict[str, NDArray[Any]] = {
        "line": np.array([-1]), "zero": np.array([0]), "middle": np.array([first]), "end": np.array([total]),
        "a_shape": np.array(a), "b_shape": np.array(b), "weights": np.ones(b, np.float32),
    }  # fmt: skip
    size = int(np.prod(np.broadcast_shapes(a[:-2], b[:-2]))) * a[-2] * b[-1]
    return save(path, nodes, arrays, inputs={"image": [1, 1, 1, total]}, outputs={"out": [1, size]})


def fed(a: tuple[int, ...], b: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.RandomState(0).rand(1, 1, 1, int(np.prod(a) + np.prod(b))).astype(np.float32)


FITTING = [
    ((2, 5, 64), (2, 64, 3)),
    ((1, 8, 16, 196), (1, 8, 196, 17)),
    ((4, 100), (100, 6)),
    ((2, 3, 1, 4, 70), (2, 3, 1, 70, 2)),
]


@pytest.mark.parametrize(("a", "b"), FITTING)
def test_a_long_product_is_the_sum_of_its_parts(tmp_path: Path, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    model, x = loaded(product(tmp_path / "m.onnx", a, b)), fed(a, b)
    assert sum_matmul.apply(model, known(model, x)).changed == ("product",)
    onnx.checker.check_model(model)
    (matmul,) = [node for node in model.graph.node if node.op_type == "MatMul"]
    shapes = known(model, x).shapes(list(matmul.input))
    assert shapes[matmul.input[0]][-1] <= PART, "no sum in the arithmetic of the run is long"
    assert "ReduceSum" in [node.op_type for node in model.graph.node]
    onnx.save(model, str(tmp_path / "r.onnx"))
    size = int(np.prod(a[:-1])) * b[-1]
    outputs = reference.Reference(tmp_path / "r.onnx", Signature("image", x.shape, "out", (1, size)), threads=1)(x)
    numbers, middle = x.ravel().astype(np.float64), int(np.prod(a))
    by_hand = numbers[:middle].reshape(a) @ numbers[middle:].reshape(b)
    np.testing.assert_allclose(outputs.ravel(), by_hand.ravel(), rtol=1e-5)


LEFT = [
    ((2, 5, LONG - 1), (2, LONG - 1, 3), False, f"its sums have {LONG - 1} terms"),
    ((2, 5, 67), (2, 67, 3), False, "its 67 terms fall into no parts of 4 to 32"),
    (
        (1, 5, 64),
        (2, 64, 3),
        False,
        "it multiplies [1, 5, 64] by [2, 64, 3], which is no product of as",
    ),
    ((2, 5, 64), (64, 3), False, "it multiplies [2, 5, 64] by [64, 3]"),
]


@pytest.mark.parametrize(("a", "b", "constant", "reason"), LEFT)
def test_other_products_are_left(
    tmp_path: Path, a: tuple[int, ...], b: tuple[int, ...], constant: bool, reason: str
) -> None:
    model = loaded(product(tmp_path / "m.onnx", a, b, constant=constant))
    before = model.SerializeToString(deterministic=True)
    outcome = sum_matmul.apply(model, known(model, fed(a, b)))
    assert outcome.changed == ()
    assert outcome.left[0].startswith(f"product: {reason}")
    assert model.SerializeToString(deterministic=True) == before


def test_a_layer_is_no_product_of_two_computed_tensors(tmp_path: Path) -> None:
    a, b = (5, 64), (64, 3)
    model = loaded(product(tmp_path / "m.onnx", a, b, constant=True))
    assert sum_matmul.apply(model, known(model, fed(a, b))).changed == ()


def test_parts_that_take_too_much_are_left() -> None:
    rows = LARGEST // 2 // PART
    assert not sum_matmul._why_not((1, rows, 2 * PART), (1, 2 * PART, PART), 17)
    assert "would take" in sum_matmul._why_not((1, rows + 1, 2 * PART), (1, 2 * PART, PART), 17)


def test_sums_over_axes_that_are_attributes_are_left() -> None:
    assert "export it" in sum_matmul._why_not((5, 64), (64, 3), 12)


@given(st.integers(LONG, 10_000))
def test_parts_are_equal_and_as_long_as_they_may_be(terms: int) -> None:
    fitting = [part for part in range(_LEAST_PART, PART + 1) if terms % part == 0]
    assert _part(terms) == max(fitting, default=0)
