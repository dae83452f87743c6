"""A part of a model as a module of its own; most models are one part."""

from typing import Any, Dict, List, NamedTuple

import MNN
import numpy as np

from harness.agent.failures import AgentError

PRECISIONS = (1, 2)
"""The precisions that a part may have: high and low."""

_TYPES = {"f": MNN.expr.float, "i": MNN.expr.int, "u": MNN.expr.uint8}


class Boundary(NamedTuple):
    """A tensor between two parts, in NCHW order; `layout`: the engine's, in which the part that made it kept it."""

    array: "np.ndarray"
    layout: Any


class Part:
    """A loaded module; `runtimes` holds those that other parts of the same model have, by precision."""

    def __init__(self, setup: Dict[str, Any], segment: Dict[str, Any], runtimes: Dict[int, Any]) -> None:
        precision = segment["precision"]
        if precision not in runtimes:
            runtimes[precision] = _runtime(dict(setup["runtime"], precision=precision), setup["hints"])
        self.inputs, self.outputs = list(segment["inputs"]), list(segment["outputs"])
        self._runtime = runtimes[precision]  # the module uses it and does not keep it alive
        self._module = MNN.nn.load_module_from_file(
            setup["model_path"], self.inputs, self.outputs, runtime_manager=self._runtime
        )
        if self._module is None:
            raise AgentError("model-load-failed", "MNN cannot load this model file")

    def forward(self, given: Dict[str, Boundary]) -> Dict[str, Boundary]:
        """Return its outputs by name, for inputs by name."""
        results = self._module.forward([fed(given[name]) for name in self.inputs])
        return dict(zip(self.outputs, map(_taken, results)))


def segments(setup: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return what `setup` says of the model's parts: the whole model where it says nothing.

    Raises:
        AgentError: protocol, a part with a precision that is none.
    """
    whole = {"inputs": setup["inputs"], "outputs": setup["outputs"], "precision": setup["runtime"]["precision"]}
    found = setup.get("segments") or []
    if any(type(one["precision"]) is not int or one["precision"] not in PRECISIONS for one in found):
        raise AgentError("protocol", "a segment's precision must be one of %s" % (PRECISIONS,))
    return list(found) or [whole]


def _runtime(runtime: Dict[str, int], hints: Any) -> Any:
    made = MNN.nn.create_runtime_manager((runtime,))
    if made is None:
        raise AgentError("model-load-failed", "MNN made no runtime for %s" % (runtime,))
    for number, value in hints:
        made.set_hint(number, value)
    return made


def image_boundary(image: "np.ndarray") -> Boundary:
    """Return what a model is fed, float32 [1, C, H, W]."""
    return Boundary(np.ascontiguousarray(image), MNN.expr.NCHW)


def fed(boundary: Boundary) -> Any:
    """Return a tensor as the engine takes it.

    In the layout in which it was made: fed in another one, some cuts silently give other numbers.
    """
    array = boundary.array
    given = MNN.expr.const(array, list(array.shape), MNN.expr.NCHW, _TYPES[array.dtype.kind])
    return given if boundary.layout == MNN.expr.NCHW else MNN.expr.convert(given, boundary.layout)


def _taken(result: Any) -> Boundary:
    # An output can be in the engine's own layout, in which its numbers would come scrambled.
    layout = result.data_format
    plain = result if layout == MNN.expr.NCHW else MNN.expr.convert(result, MNN.expr.NCHW)
    return Boundary(np.array(plain.read(), copy=True), layout)
