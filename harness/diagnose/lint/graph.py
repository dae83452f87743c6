"""The graph of an ONNX model, as far as diagnosis needs it: plain values instead of protobuf messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, InputError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator.

    Attributes:
        name: as in the file; a nameless one goes by its first output.
        inputs: names of tensors; empty where an optional input is left out.
        domain: of the operator; empty for ONNX's own.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    domain: str = ""

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class Graph:
    """All operators in the file's order, and everything that is constant, initializers and Constant nodes alike.

    Attributes:
        opsets: domain and version of the operators' definitions.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opsets: tuple[tuple[str, int], ...]

    @cached_property
    def users(self) -> Mapping[str, tuple[Node, ...]]:
        """The operators that read a tensor, by its name."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def constant(self, node: Node, index: int) -> Array | None:
        """Return an input of an operator where that is a constant."""
        return self.constants.get(node.inputs[index]) if index < len(node.inputs) else None


def load(path: Path) -> Any:
    """Read an .onnx file, with weights that lie in files beside it.

    Raises:
        InputError: (bad-model) it is not one.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return onnx.load(str(path))
    except (DecodeError, OSError, ValueError) as error:
        raise InputError(Code.BAD_MODEL, f"{path.name} cannot be read as an ONNX model: {error}") from error


def graph_of(model: Any) -> Graph:
    """Return the graph of a model that is in memory. What lies within branches of If and Loop is left out."""
    from onnx import helper, numpy_helper

    constants: dict[str, Array] = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    nodes = []
    for each in model.graph.node:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in each.attribute}
        if each.op_type == "Constant":
            constants[each.output[0]] = _constant(attributes)
        elif each.output and each.output[0]:
            name = each.name or each.output[0]
            nodes.append(Node(name, each.op_type, tuple(each.input), tuple(each.output), attributes, each.domain))
    inputs = tuple(each.name for each in model.graph.input if each.name not in constants)
    opsets = tuple((each.domain, each.version) for each in model.opset_import)
    return Graph(tuple(nodes), constants, inputs, tuple(each.name for each in model.graph.output), opsets)


def _constant(attributes: Mapping[str, Any]) -> Array:
    from onnx import numpy_helper

    if "value" in attributes:
        return np.asarray(numpy_helper.to_array(attributes["value"]))
    kind, value = next(iter(attributes.items()))
    return np.asarray(value, np.float32) if kind.startswith("value_float") else np.asarray(value)
