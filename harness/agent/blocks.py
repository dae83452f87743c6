"""What each block of a model does to its numbers: block by block at the cell's precision, all others in fp32.

The **control** is the fp32 file at precision high. A block is run three ways: by itself on the control's numbers
(what goes wrong in it), with all other blocks being the control's (what that does at the output), and the reverse,
with only this block being the control's (what sparing it saves). Blocks are modules cut at tensors, so what is
measured is what mixed precision would run. No tensor leaves the device.
"""

from typing import Any, Dict, List, Sequence

import numpy as np

from harness.agent.control import control_of
from harness.agent.deviation import deviation
from harness.agent.inference import Model
from harness.agent.part import Boundary, Part, image_boundary

Setup = Dict[str, Any]
Tensors = Dict[str, Boundary]
Report = Dict[str, Any]


def blocks(setup: Setup, control_path: str, segments: "List[Dict[str, Any]]", image: "np.ndarray") -> Report:
    """Return the errors of every block, in the order in which they run: relative L2, infinite where not finite.

    `chain_error`: of the control in blocks against the control whole; `together`: of all blocks at the cell's
    precision. Of each block `local`: its outputs, given the control's inputs; `alone`, `spared`: of the model's
    outputs. Costs some n + 4 inferences for n blocks, half of them of the control, and the memory of two models.
    """
    control = control_of(setup, control_path)
    right, own = _parts(control, segments), _parts(setup, segments)
    start = {setup["inputs"][0]: image_boundary(image)}
    outputs = list(setup["outputs"])
    exact, rough = _run(right, start), _run(own, start)
    wanted = [exact[name].array for name in outputs]
    whole = Model(control).forward(image)[0]

    def off(made: Tensors) -> Any:
        return _error([made[name].array for name in outputs], wanted)

    found = []
    for number, part in enumerate(own):
        made = part.forward(exact)
        local = _error([made[name].array for name in part.outputs], [exact[name].array for name in part.outputs])
        alone = off(_run(right[number + 1 :], dict(exact, **made)))
        spared = off(_run(own[number + 1 :], dict(rough, **right[number].forward(rough))))
        found.append({"local": local, "alone": alone, "spared": spared})
    return {"chain_error": _error(wanted, whole), "together": off(rough), "blocks": found}


def _parts(setup: Setup, segments: "List[Dict[str, Any]]") -> List[Part]:
    runtimes = {}  # type: Dict[int, Any]
    precision = setup["runtime"]["precision"]
    return [Part(setup, dict(segment, precision=precision), runtimes) for segment in segments]


def _run(parts: Sequence[Part], start: Tensors) -> Tensors:
    """Run parts one after the other; what they make takes the place of what was there."""
    given = dict(start)
    for part in parts:
        given.update(part.forward(given))
    return given


def _error(given: "List[np.ndarray]", wanted: "List[np.ndarray]") -> Any:
    found = deviation((one, [other.reshape(-1)]) for one, other in zip(given, wanted)).relative_l2
    return None if found is None else float("%.6g" % found)
