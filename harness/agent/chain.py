"""Whether a chain of parts computes what the whole model does, and what each of its parts ran in."""

from typing import Any, Dict, List, Optional

import numpy as np

from harness.agent.control import HIGH
from harness.agent.inference import Model
from harness.agent.part import Part, image_boundary, segments
from harness.agent.values import is_half

_LOW = 2


def chain(setup: Dict[str, Any], image: "np.ndarray") -> Dict[str, Any]:
    """Return the error of the chain at precision high, and what each part shows.

    `error`: relative L2 of the outputs of all parts at precision high from those of the whole model at precision
    high; null where either is not finite. Of each part `half`: its outputs equal their float16 round trip (null
    where that says nothing); `equals_high`: they equal to the bit what it answers to the same inputs at precision
    high.
    """
    high = dict(setup["runtime"], precision=HIGH)
    whole = Model(dict(setup, runtime=high, segments=[])).forward(image)[0]
    cut = Model(dict(setup, runtime=high, segments=[dict(one, precision=HIGH) for one in segments(setup)]))
    return {"error": _error(cut.forward(image)[0], whole), "segments": _parts(setup, image)}


def _parts(setup: Dict[str, Any], image: "np.ndarray") -> List[Dict[str, Any]]:
    given = {setup["inputs"][0]: image_boundary(image)}
    runtimes: Dict[int, Any] = {}
    found = []
    for segment in segments(setup):
        made = Part(setup, segment, runtimes).forward(given)
        control = made
        if segment["precision"] == _LOW:
            control = Part(setup, dict(segment, precision=HIGH), runtimes).forward(given)
        arrays = [made[name].array for name in segment["outputs"]]
        equal = [array.tobytes() for array in arrays] == [control[name].array.tobytes() for name in control]
        known = [half for half in map(is_half, arrays) if half is not None]
        found.append({"half": all(known) if known else None, "equals_high": equal})
        given.update(made)
    return found


def _error(given: "List[np.ndarray]", wanted: "List[np.ndarray]") -> Optional[float]:
    one = np.concatenate([array.ravel() for array in given]).astype(np.float64)
    other = np.concatenate([array.ravel() for array in wanted]).astype(np.float64)
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    return float(np.linalg.norm(one - other) / max(float(np.linalg.norm(other)), np.finfo(np.float64).tiny))
