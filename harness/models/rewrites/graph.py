"""Looking into an ONNX graph, and changing it in place."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rewrite did to a model.

    Attributes:
        changed: the nodes that it changed, by name.
        left: those that it looked at and left as they were, each with the reason.
    """

    changed: tuple[str, ...]
    left: tuple[str, ...] = ()


def label(node: "NodeProto") -> str:
    """Return what to call a node: its name, or else that of its first output."""
    return str(node.name or node.output[0])


def options(node: "NodeProto") -> dict[str, Any]:
    """Return a node's attributes by name."""
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def opset(model: "ModelProto") -> int:
    """Return the version of the standard operators that a model is written in."""
    return max(int(each.version) for each in model.opset_import if each.domain in ("", "ai.onnx"))


def standard(node: "NodeProto", *types: str) -> bool:
    """Tell whether a node is one of some standard operators."""
    return node.domain in ("", "ai.onnx") and node.op_type in types


def makers(graph: "GraphProto") -> dict[str, "NodeProto"]:
    """Return the node that makes each tensor."""
    return {name: node for node in graph.node for name in node.output if name}


def readers(graph: "GraphProto") -> dict[str, list["NodeProto"]]:
    """Return the nodes that read each tensor, those with a branch or a loop body that reads it among them."""
    found: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in dict.fromkeys(read_by(node)):
            found[name].append(node)
    return found


def read_by(node: "NodeProto") -> Iterator[str]:
    """Yield the tensors that a node reads, itself or in a branch or a loop body."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs):
            for inner in body.node:
                yield from read_by(inner)


def constants(graph: "GraphProto") -> dict[str, NDArray[Any]]:
    """Return the tensors that are written down in a graph, or that pass on one that is."""
    from onnx import TensorProto, numpy_helper

    found = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if standard(node, "Constant"):
            value = next(iter(options(node).values()))
            if isinstance(value, TensorProto):
                found[node.output[0]] = numpy_helper.to_array(value)
            elif isinstance(value, float):
                found[node.output[0]] = np.array(value, np.float32)
        elif standard(node, "Identity") and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def computed(graph: "GraphProto") -> set[str]:
    """Return the names of the tensors that depend on what the model is fed."""
    weights = {each.name for each in graph.initializer}
    found = {each.name for each in graph.input} - weights
    for node in graph.node:
        if not found.isdisjoint(read_by(node)):
            found.update(node.output)
    return found


@dataclass
class Editor:
    """Changes to a graph's list of nodes, made all at once by `done`; outputs of its nodes keep their names."""

    graph: "GraphProto"
    _before: dict[int, list["NodeProto"]] = field(default_factory=lambda: defaultdict(list))
    _gone: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        nodes = list(self.graph.node)
        self._names = {name for node in nodes for name in (*node.input, *node.output, node.name)}
        self._places = {_key(node): place for place, node in enumerate(nodes)}
        self._nodes = nodes

    def fresh(self, name: str) -> str:
        """Return a name that nothing in the graph has, made from `name`."""
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def insert(self, before: "NodeProto", nodes: Iterable["NodeProto"]) -> None:
        """Put nodes before another one."""
        self._before[self._places[_key(before)]] += nodes

    def drop(self, node: "NodeProto") -> None:
        """Take a node out."""
        self._gone.add(self._places[_key(node)])

    def constant(self, before: "NodeProto", name: str, values: NDArray[Any]) -> str:
        """Put a constant before a node; return the name that it got."""
        from onnx import helper, numpy_helper

        name = self.fresh(name)
        value = numpy_helper.from_array(values, name)
        self.insert(before, [helper.make_node("Constant", [], [name], name=name, value=value)])
        return name

    def done(self) -> None:
        """Make the changes."""
        kept = []
        for place, node in enumerate(self._nodes):
            kept += self._before[place]
            kept += [] if place in self._gone else [node]
        copies = [type(node).FromString(node.SerializeToString()) for node in kept]
        del self.graph.node[:]
        self.graph.node.extend(copies)


def _key(node: "NodeProto") -> str:
    # A tensor has one maker, and nodes have no identity of their own: each look at the list may wrap them anew.
    return str(next(filter(None, node.output)))
