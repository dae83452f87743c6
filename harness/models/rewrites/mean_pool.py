"""`mean-pool`: average pooling over the whole map becomes ReduceMean.

MNN adds up a pooling in the arithmetic of the run, one position after the other: over 64 x 64 positions fp16 loses a
tenth of the result. It runs a reduction in fp32 whatever the run's arithmetic is, and does not turn it back.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.models.rewrites.graph import Editor, Outcome, label, opset, options, standard
from harness.models.rewrites.known import Known, Shape

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

NOTHING = "it has no average pooling over a whole map"

_AXES_ARE_AN_INPUT = 18
"""From this version of the operators on."""


def apply(model: "ModelProto", known: Known) -> Outcome:
    """Rewrite a model in place."""
    pools = [node for node in model.graph.node if standard(node, "GlobalAveragePool", "AveragePool")]
    if not pools:
        return Outcome(())
    shapes = known.shapes([node.input[0] for node in pools])
    editor, changed, left = Editor(model.graph), [], []
    for node in pools:
        shape = shapes[node.input[0]]
        if reason := _why_not(node, shape):
            left.append(f"{label(node)}: {reason}")
            continue
        axes = list(range(2, len(shape)))
        _become_mean(node, axes, editor if opset(model) >= _AXES_ARE_AN_INPUT else None)
        changed.append(label(node))
    editor.done()
    return Outcome(tuple(changed), tuple(left))


def _why_not(node: "NodeProto", shape: Shape) -> str:
    if math.prod(shape[2:]) == 1:
        return "its map is a single position"
    if node.op_type == "GlobalAveragePool":
        return ""
    given = options(node)
    plain = given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    plain = plain and not any(given.get("pads", ())) and set(given.get("dilations", ())) <= {1}
    return "" if plain and tuple(given["kernel_shape"]) == shape[2:] else "it pools over parts of the map"


def _become_mean(node: "NodeProto", axes: list[int], editor: Editor | None) -> None:
    from onnx import helper

    node.op_type = "ReduceMean"
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("keepdims", 1))
    if editor is None:
        node.attribute.append(helper.make_attribute("axes", axes))
    else:
        node.input.append(editor.constant(node, f"{label(node)}/axes", np.array(axes, np.int64)))
