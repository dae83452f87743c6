"""`scale-attention`: long sums of which only a ratio is wanted are kept small.

ReLU linear attention computes q (k^T v) / (q (k^T 1) + eps): both sums run over all N tokens and can leave float16's
range (65504) while their ratio is of order one. k times 1/N scales both, and the ratio is what it was as long as eps
is scaled too. The factor is the power of two next to 1/N, so in fp32 every bit stays (subnormal numbers aside).

What may be scaled is not recognised by its looks but proven: see `factor`.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from harness.models.rewrites.factor import Course, Written, follow
from harness.models.rewrites.graph import Editor, Outcome, computed, constants, label, makers, standard
from harness.models.rewrites.known import Known

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

NOTHING = "it has no product summed over many positions of which only a ratio is used, as in ReLU linear attention"

LONG = 16
"""Sums of fewer terms are left alone: they are hardly larger than their terms."""

_STEPS_BACK = ("Relu", "Transpose", "Reshape", "Identity", "Cast")
_LEAST = 2.0**-24
"""The smallest number above 0 that float16 has."""


def apply(model: "ModelProto", known: Known) -> Outcome:
    """Rewrite a model in place."""
    graph, written = model.graph, constants(model.graph)
    editor, changed, left, passed = Editor(graph), [], [], set[str]()
    for node, length in _sums(graph, known):
        if node.output[0] in passed:  # it carries the factor of another product already
            continue
        course = _course(graph, node, written)
        power = 0 if course is None else _power(course, length)
        if course is None or not power:
            why = "an epsilon would become 0 in float16" if course else "its sums are not used as a ratio only"
            left.append(f"{label(node)}: {why}")
            continue
        passed |= course.passed
        _scale(graph, editor, course, 2.0**-power)
        changed.append(label(node))
    editor.done()
    return Outcome(tuple(changed), tuple(left))


def _sums(graph: "GraphProto", known: Known) -> list[tuple["NodeProto", int]]:
    """Return the products of two computed tensors, with the length of their sums where those are long."""
    moving = computed(graph)
    products = [node for node in graph.node if standard(node, "MatMul") and moving.issuperset(node.input)]
    shapes = known.shapes([node.input[0] for node in products]) if products else {}
    return [(node, shapes[node.input[0]][-1]) for node in products if shapes[node.input[0]][-1] >= LONG]


def _course(graph: "GraphProto", node: "NodeProto", written: Written) -> Course | None:
    courses = (follow(graph, start, written) for start in _starts(graph, node))
    return next(filter(None, courses), None)


def _starts(graph: "GraphProto", node: "NodeProto") -> Iterator[str]:
    """Yield tensors that a factor could be given to: the product's operands, and what they are made of."""
    made_by = makers(graph)
    for operand in node.input:
        name = operand
        while name in made_by:
            yield name
            if not standard(made_by[name], *_STEPS_BACK):
                break
            name = made_by[name].input[0]


def _power(course: Course, length: int) -> int:
    """Return the power of two to divide by: the one next to the sum's length, or less to keep constants above 0."""
    power = math.ceil(math.log2(length))
    for values in course.addends.values():
        sizes = np.abs(values)
        least = float(sizes[sizes > _LEAST / 2].min(initial=np.inf))  # the others are 0 in float16 already
        power = min(power, math.floor(math.log2(least / _LEAST))) if math.isfinite(least) else power
    return max(power, 0)


def _scale(graph: "GraphProto", editor: Editor, course: Course, factor: float) -> None:
    from onnx import helper

    readers = [node for node in graph.node if course.start in node.input and not standard(node, "Shape", "Size")]
    constant = editor.constant(readers[0], f"{course.start}/factor", np.array(factor, np.float32))
    scaled = editor.fresh(f"{course.start}/scaled")
    editor.insert(readers[0], [helper.make_node("Mul", [course.start, constant], [scaled], name=scaled)])
    for node in readers:
        node.input[:] = [scaled if name == course.start else name for name in node.input]
    by_output = {node.output[0]: node for node in graph.node}
    for (output, place), values in course.addends.items():
        node = by_output[output]
        node.input[place] = editor.constant(node, f"{label(node)}/scaled", np.asarray(values * np.float32(factor)))
