"""Rewrite an ONNX graph so that mnnquant survives it, without changing what it computes.

Its second pass over the calibration images looks at the inputs of every layout operation, and dies of SIGSEGV
where such an input is gone by then. Seen behind shapes that the graph computes (Shape, Gather, ...), and
behind ReduceMean over height and width (squeeze-and-excitation). So what is constant is folded, by
onnxruntime, and that ReduceMean becomes the GlobalAveragePool that it is.
"""

from pathlib import Path
from typing import Any

from harness.models import reference

_SPATIAL = ({2, 3}, {-2, -1})


def rewrite(path: Path, rewritten: Path) -> None:
    """Write the rewritten copy of an .onnx file whose shapes are fixed.

    Raises:
        FarmError: (reference-failed) onnxruntime cannot load the model.
    """
    import onnx

    reference.fold_constants(path, rewritten)
    model = onnx.load(str(rewritten))
    weights = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "ReduceMean" and _is_spatial_mean(node, weights):
            node.op_type = "GlobalAveragePool"
            del node.attribute[:], node.input[1:]
    onnx.save(model, str(rewritten))


def _is_spatial_mean(node: Any, weights: dict[str, Any]) -> bool:
    from onnx import helper, numpy_helper

    options = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    axes = options.get("axes")  # an attribute before opset 18, an input since
    if axes is None and len(node.input) > 1 and node.input[1] in weights:
        axes = numpy_helper.to_array(weights[node.input[1]]).tolist()
    return axes is not None and set(axes) in _SPATIAL and options.get("keepdims", 1) == 1
