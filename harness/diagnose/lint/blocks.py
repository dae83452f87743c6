"""What the lint foretells of a model's blocks."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from harness.diagnose.blocks import Block
from harness.diagnose.lint.figures import Calibration
from harness.diagnose.lint.graph import Graph
from harness.diagnose.lint.hazard import Reduced
from harness.diagnose.lint.propagation import block_error


def foretell(
    graph: Graph, calibration: Calibration, blocks: Sequence[Block], precision: Reduced = Reduced.FP16
) -> Mapping[str, float]:
    """Return the relative L2 error of every block run by itself on fp32 inputs, by the block's name.

    Blocks whose outputs the ONNX model does not know by these names are left out.

    Args:
        graph: of the ONNX model.
        calibration: its figures.
        blocks: of the .mnn file that was made of it; the converter keeps the names of tensors.
        precision: FP16, W8 or W4.
    """
    known = {name for node in graph.nodes for name in node.outputs}
    return {
        block.name: block_error(graph, calibration, nodes_between(graph, block.inputs, block.outputs), precision)
        for block in blocks
        if known.issuperset(block.outputs)
    }


def nodes_between(graph: Graph, inputs: Iterable[str], outputs: Iterable[str]) -> Collection[str]:
    """Return the names of the operators that lead from some tensors to others."""
    ends, wanted = set(inputs), set(outputs) - set(inputs)
    found = set()
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            found.add(node.name)
            wanted.update(name for name in node.inputs if name and name not in ends)
    return found
