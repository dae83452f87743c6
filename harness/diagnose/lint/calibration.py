"""One pass over a few images in fp32: every tensor and operator of a model, reduced to figures.

All tensors of one image are in memory at once. Samples of an operator's outputs stand for all of them; they are
chosen at random, from a fixed seed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.diagnose.lint import few_bits
from harness.diagnose.lint.call import Call, Values
from harness.diagnose.lint.figures import Calibration, NodeFigures, TensorFigures
from harness.diagnose.lint.graph import Graph, Node, graph_of, load
from harness.diagnose.lint.half import Floats, Squares, relative
from harness.diagnose.lint.one_node import OneNode
from harness.diagnose.lint.operands import weight_rows
from harness.diagnose.lint.replay import INSIDE, Replay, gain, replay_stored, replay_whole
from harness.diagnose.lint.sums import SumSeen, see_sum, sum_figures
from harness.diagnose.lint.tensors import TensorSums
from harness.models.apart import apart
from harness.models.reference import Session

MOST_IMAGES = 8

MOVING = frozenset(
    (
        *("Cast", "Concat", "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "GatherElements", "GatherND"),
        *("Identity", "Pad", "Reshape", "Shape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose"),
        "Unsqueeze",
    )
)
"""Operators that only move numbers: in them nothing is lost that was not lost before."""

_NOTHING = Replay((0.0, 1.0), (0.0, 1.0))


def calibrate(path: Path, images: Sequence[Floats]) -> tuple[Graph, Calibration]:
    """Return the graph of an .onnx file and its figures for images [1, C, H, W]; in a bound process of its own.

    Raises:
        InputError: (bad-model) it is not an ONNX model.
        FarmError: (reference-failed) onnxruntime cannot run it.
    """
    return apart(observe, path, list(images))


def observe(path: Path, images: Sequence[Floats]) -> tuple[Graph, Calibration]:
    """Do what `calibrate` does, in this process."""
    model = load(path)
    graph = graph_of(model)
    tensors: dict[str, TensorSums] = {}
    seen: dict[str, list[_Seen]] = {}
    alone: dict[str, OneNode | None] = {}
    for index, values in enumerate(_all_tensors(model, graph, images)):
        for name in _measured(graph, values):
            sums = TensorSums.of(values[name])
            tensors[name] = tensors[name] + sums if name in tensors else sums
        random = np.random.RandomState(index)
        for node in graph.nodes:
            if node.output in values and values[node.output].dtype == np.float32 and values[node.output].size:
                call = Call(graph, node, values)
                if node.name not in alone:
                    alone[node.name] = _by_itself(call)
                seen.setdefault(node.name, []).append(_see(call, alone[node.name], random))
    nodes = {node.name: _figures(graph, node, seen[node.name]) for node in graph.nodes if node.name in seen}
    figures: dict[str, TensorFigures] = {name: sums.figures for name, sums in tensors.items()}
    return graph, Calibration(figures, nodes, len(images))


def _all_tensors(model: Any, graph: Graph, images: Iterable[Floats]) -> Iterator[Values]:
    """Yield all tensors for each image, constants among them."""
    from onnx import helper

    known = set(graph.outputs)
    names = [name for node in graph.nodes for name in node.outputs if name and name not in known]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = Session(model.SerializeToString(), threads=1, as_written=True)
    for image in images:
        feed = {graph.inputs[0]: np.asarray(image, np.float32)}
        made = zip(session.output_names, session.run(None, feed), strict=True)
        # Sequences and maps, which some operators make, are lists and dictionaries; nothing is said of them.
        yield {**graph.constants, **feed, **{name: value for name, value in made if isinstance(value, np.ndarray)}}


def _measured(graph: Graph, values: Values) -> list[str]:
    names = [*graph.inputs, *(name for node in graph.nodes for name in node.outputs if name)]
    return [name for name in names if name in values and values[name].dtype == np.float32]


@dataclass(frozen=True, eq=False)
class _Seen:
    """An operator on one image."""

    replay: Replay
    gains: dict[str, Squares] = field(default_factory=dict)
    sums: SumSeen | None = None


def _by_itself(call: Call) -> OneNode | None:
    try:
        alone = OneNode(call)
        alone(call.values)
    except (KeyError, ValueError):  # an operator with a graph inside, or on sequences, or one that wants constants
        return None
    return alone


def _see(call: Call, alone: OneNode | None, random: np.random.RandomState) -> _Seen:
    gains = {}
    if alone is not None:
        changing = [name for name in alone.names if name not in call.graph.constants]
        floats = [name for name in changing if call.values[name].dtype == np.float32]
        gains = {name: gain(call, alone, name, random) for name in floats}
    if call.node.op in MOVING:
        return _Seen(_NOTHING, gains)
    sums = see_sum(call, random)
    if sums is not None:
        return _Seen(sums.replay, gains, sums)
    return _Seen(replay_stored(call) if alone is None else replay_whole(call, alone), gains)


def _figures(graph: Graph, node: Node, seen: Sequence[_Seen]) -> NodeFigures:
    sums = [each.sums for each in seen if each.sums is not None]
    rows = weight_rows(graph, node) if sums and sums[0].few_bits else None
    inside = INSIDE.get(node.op, 0.0)
    return NodeFigures(
        error=max(inside, relative([each.replay.error for each in seen])),
        fresh=max(inside, relative([each.replay.fresh for each in seen])),
        gains={name: relative([each.gains[name] for each in seen]) for name in seen[0].gains},
        sums=sum_figures(sums),
        few_bits={} if rows is None else few_bits.figures(rows, [each.few_bits for each in sums]),
    )
