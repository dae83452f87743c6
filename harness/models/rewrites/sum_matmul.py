"""`sum-matmul`: the long sums of a product of two computed tensors are made in parts, and the parts by ReduceSum.

MNN's fp16 kernels add up a product in float16. Over K = 4096 positive terms that loses a tenth of the result; in
linear attention K is the number of tokens. Here a product over K becomes K/c products over c <= 32, which lose
little, and a reduction over them, which MNN runs in fp32 whatever the run's arithmetic is. It costs no multiplication
more.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.models.rewrites.graph import Editor, Outcome, computed, label, opset, standard
from harness.models.rewrites.known import Known, Shape

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

NOTHING = "it has no product of two computed tensors that is summed over 64 positions or more"

LONG = 64
"""Sums of fewer terms are left alone."""
PART = 32
"""A part has no more terms."""
_LEAST_PART = 4
LARGEST = 1 << 25
"""Numbers that the parts of one product may take together, 64 MB in float16."""

_AXES_ARE_AN_INPUT = 13


def apply(model: "ModelProto", known: Known) -> Outcome:
    """Rewrite a model in place."""
    graph = model.graph
    moving = computed(graph)
    products = [node for node in graph.node if standard(node, "MatMul") and moving.issuperset(node.input)]
    if not products:
        return Outcome(())
    shapes = known.shapes([name for node in products for name in node.input])
    editor, changed, left = Editor(graph), [], []
    for node in products:
        a, b = (shapes[name] for name in node.input)
        if reason := _why_not(a, b, opset(model)):
            left.append(f"{label(node)}: {reason}")
            continue
        _split(node, a, b, editor)
        changed.append(label(node))
    editor.done()
    return Outcome(tuple(changed), tuple(left))


def _why_not(a: Shape, b: Shape, version: int) -> str:
    if version < _AXES_ARE_AN_INPUT:
        return (
            f"the model is written in version {version} of the operators, export it in {_AXES_ARE_AN_INPUT} or later"
        )
    if a[-1] < LONG:
        return f"its sums have {a[-1]} terms"
    if len(a) < 2 or a[:-2] != b[:-2]:
        return f"it multiplies {list(a)} by {list(b)}, which is no product of as many matrices"
    part = _part(a[-1])
    if not part:
        return f"its {a[-1]} terms fall into no parts of {_LEAST_PART} to {PART}"
    parts = math.prod(a[:-1]) * b[-1] * (a[-1] // part)
    return f"its parts would take {parts} numbers" if parts > LARGEST else ""


def _part(terms: int) -> int:
    """Return the largest length up to PART of equal parts, or 0 where there is none that is worth it."""
    return next((part for part in range(PART, _LEAST_PART - 1, -1) if terms % part == 0), 0)


def _split(node: "NodeProto", a: Shape, b: Shape, editor: Editor) -> None:
    """Put products of parts, [P, K/c, M, c] by [P, K/c, c, N], and their sum in the place of one over K."""
    from onnx import helper

    batch, (rows, terms), columns = math.prod(a[:-2]), a[-2:], b[-1]
    part = _part(terms)
    count = terms // part

    def shape(*sizes: int) -> str:
        return editor.constant(node, f"{label(node)}/shape", np.array(sizes, np.int64))

    def name(what: str) -> str:
        return editor.fresh(f"{label(node)}/{what}")

    cut, turned, other, products, total = map(name, ("cut", "left", "right", "parts", "sum"))
    axis = editor.constant(node, f"{label(node)}/axis", np.array([1], np.int64))
    steps: tuple[tuple[str, list[str], str, dict[str, Any]], ...] = (
        ("Reshape", [node.input[0], shape(batch, rows, count, part)], cut, {}),
        ("Transpose", [cut], turned, {"perm": [0, 2, 1, 3]}),
        ("Reshape", [node.input[1], shape(batch, count, part, columns)], other, {}),
        ("MatMul", [turned, other], products, {}),
        ("ReduceSum", [products, axis], total, {"keepdims": 0}),
        ("Reshape", [total, shape(*a[:-1], columns)], node.output[0], {}),
    )
    editor.insert(node, [helper.make_node(op, given, [made], name=made, **how) for op, given, made, how in steps])
    editor.drop(node)
