"""One call of an operator: what went in for one image, and what came out in fp32."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.diagnose.lint.graph import Array, Graph, Node
from harness.diagnose.lint.half import Floats

Values = Mapping[str, Array]
"""Tensors by name, of one image, constants among them."""


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """An operator and the values of one image."""

    graph: Graph
    node: Node
    values: Values

    @property
    def output(self) -> Array:
        """What came out first."""
        return self.values[self.node.output]

    def has(self, index: int) -> bool:
        """Return whether there is such an input."""
        return index < len(self.node.inputs) and bool(self.node.inputs[index])

    def input(self, index: int) -> Array:
        """Return an input that there is."""
        return self.values[self.node.inputs[index]]

    def constant(self, index: int) -> bool:
        """Return whether an input is there and constant."""
        return self.has(index) and self.node.inputs[index] in self.graph.constants

    def bias(self, channel: Array) -> Floats:
        """Return the third input for some channels [n], or zeros."""
        return np.asarray(self.input(2)[channel] if self.has(2) else np.zeros(len(channel)), np.float32)

    @property
    def group(self) -> int:
        """Groups of a convolution."""
        return int(self.node.attributes.get("group", 1))

    def first_input_channel(self, channel: Array) -> Array:
        """Return the first input channel that output channels [n] of a convolution see."""
        return np.asarray(channel // (self.output.shape[1] // self.group) * self.input(1).shape[1])
