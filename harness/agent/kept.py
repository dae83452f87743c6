"""Every operator's inputs and outputs in one run, for other runs to be compared with and fed from."""

import math
from typing import Any, Callable, Dict, List, Optional

import MNN
import numpy as np

from harness.agent import MOST_CAPTURED
from harness.agent.deviation import Deviation, deviation
from harness.agent.scratch import Place, Scratch
from harness.agent.session import Key, Session
from harness.agent.values import host

Change = Callable[["np.ndarray"], "np.ndarray"]


def same(values: "np.ndarray") -> "np.ndarray":
    """Return numbers unchanged."""
    return values


class Kept:
    """The numbers, by operator."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._inputs: Dict[Key, List[Place]] = {}
        self._outputs: Dict[Key, List[Place]] = {}

    def fill(self, session: Session) -> "List[np.ndarray]":
        """Run a session and keep what its operators take and give; return its outputs."""
        session.watch(
            lambda key, tensors, _: self._keep(self._inputs, key, tensors),
            lambda key, tensors, _: self._keep(self._outputs, key, tensors),
        )
        return session.outputs()

    def give(self, key: Key, tensors: List[Any], change: Change = same) -> Optional[float]:
        """Overwrite an operator's inputs by those kept, changed.

        Returns:
            The changes' relative L2, all inputs taken together; None where an input is of another kind than the one
            kept, or of one that cannot be overwritten.
        """
        places = self._inputs.get(key, [])
        if [place.shape for place in places] != [tuple(tensor.getShape()) for tensor in tensors]:
            return None
        changed = size = 0.0
        for tensor, place in zip(tensors, places):
            right = self._scratch.read(place)
            given = change(right)
            if not overwrite(tensor, given):
                return None
            if given is not right:
                with np.errstate(invalid="ignore"):
                    changed += _square(given.astype(np.float64) - right)
                size += _square(right)
        return math.sqrt(changed / size) if size > 0 else 0.0

    def deviation(self, key: Key, arrays: "List[np.ndarray]") -> Optional[Deviation]:
        """Return how far outputs are from those kept; None where none of their kind are."""
        places = self._outputs.get(key, [])
        if not places or [place.shape for place in places] != [array.shape for array in arrays]:
            return None
        return deviation((array, self._scratch.parts(place)) for array, place in zip(arrays, places))

    def digests(self, key: Key) -> List[bytes]:
        """Return what `digest` makes of the outputs kept."""
        return [place.digest for place in self._outputs.get(key, [])]

    def _keep(self, where: Dict[Key, List[Place]], key: Key, tensors: List[Any]) -> None:
        if len(where) < MOST_CAPTURED:
            where[key] = [self._scratch.write(host(tensor)) for tensor in tensors]


def overwrite(tensor: Any, values: "np.ndarray") -> bool:
    """Put numbers, in NCHW order, into a tensor; return False where the engine takes none of their type from us."""
    kind = {"float32": MNN.Halide_Type_Float, "int32": MNN.Halide_Type_Int}.get(values.dtype.name)
    if kind is None:
        return False
    if values.size:
        shape = tuple(values.shape) or (1,)
        given = np.ascontiguousarray(values).reshape(shape)
        tensor.copyFrom(MNN.Tensor(shape, kind, given, MNN.Tensor_DimensionType_Caffe))
    return True


def _square(values: "np.ndarray") -> float:
    return float(np.square(values.astype(np.float64)).sum())
