"""Where a factor goes that one tensor of a graph is given, and whether anything in the end notices it.

It is followed through every reader. It must go through operators that hand it on just once, and end in divisions of
two tensors that both carry it: there it cancels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from harness.models.rewrites.graph import options, read_by, standard

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

Written = Mapping[str, NDArray[Any]]
"""Constants of a graph by name."""

_CARRIERS = (
    "Relu", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "Expand",
    "Identity", "Neg", "ReduceSum", "ReduceMean", "Div",
)  # fmt: skip
"""Operators f with f(c x, …) = c f(x, …) for every c > 0, x being their first input."""

_FLOAT = 1


@dataclass
class Course:
    """Where a factor goes.

    Attributes:
        start: the tensor that is given it.
        passed: the tensors that carry it.
        addends: constants that must be given it too, by their reader's output and their place among its inputs.
        ratios: how many divisions it cancels in.
    """

    start: str
    passed: set[str]
    addends: dict[tuple[str, int], NDArray[Any]] = field(default_factory=dict)
    ratios: int = 0


def follow(graph: "GraphProto", start: str, written: Written) -> Course | None:
    """Return the course of a factor above 0, or None where it would change what the model computes."""
    course = Course(start, {start})
    for node in graph.node:
        if course.passed.isdisjoint(read_by(node)) or standard(node, "Shape", "Size"):
            continue
        places = [place for place, name in enumerate(node.input) if name in course.passed]
        if standard(node, "Div") and len(places) == 2:
            course.ratios += 1
        elif _carries(node, places, written, course):
            course.passed.update(filter(None, node.output))
        else:
            return None
    outputs = {each.name for each in graph.output}
    return course if course.ratios and course.passed.isdisjoint(outputs) else None


def _carries(node: "NodeProto", places: list[int], written: Written, course: Course) -> bool:
    """Tell whether a node hands on, once, the factor that its inputs at `places` carry."""
    if standard(node, "Cast"):
        return bool(options(node)["to"] == _FLOAT)
    if standard(node, *_CARRIERS):
        return places == [0]
    if standard(node, "MatMul", "Mul"):
        return len(places) == 1
    if standard(node, "Concat"):
        return len(places) == len(node.input)
    return standard(node, "Add", "Sub") and (len(places) == 2 or _with_addend(node, places, written, course))


def _with_addend(node: "NodeProto", places: list[int], written: Written, course: Course) -> bool:
    other = 1 - places[0]
    values = written.get(node.input[other])
    if values is None:
        return False
    course.addends[node.output[0], other] = values
    return True
