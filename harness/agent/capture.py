"""Where a cell's numbers leave those of fp32: every operator's outputs, compared on the device, in a few figures.

The **control** is the fp32 file at precision high, memory normal, without hints. Its operators' inputs and outputs
go to a scratch file, so that a board with little memory can do it; no tensor leaves the device. Operators are matched
by name. Then the cell runs as it is: what has gone wrong so far. And once more with every operator's inputs
overwritten by the control's: what goes wrong in this operator alone, the rounding of its inputs to what the cell
holds numbers in included. What that rounding does by itself, the control tells, fed with inputs rounded to float16.

That the inputs are all that an operator depends on is not believed, but shown: the fed runs are repeated on another
image and with every output spoiled as soon as it was looked at, so an operator that takes anything but what it is
fed answers something else. The control must answer to the bit what it answered at first, and the cell what it
answered unspoiled; of an operator that does not, nothing is said of what is made in it.
"""

import math
from typing import Any, Dict, List, Tuple

import numpy as np

from harness.agent.control import control_of
from harness.agent.deviation import Deviation, deviation
from harness.agent.failures import AgentError, from_os_error
from harness.agent.feeding import Answer, fed, spoiled
from harness.agent.inference import Model
from harness.agent.kept import Kept
from harness.agent.scratch import Scratch
from harness.agent.session import Key, Session, equal
from harness.agent.values import host

_SPOILT = 997.0
_NAME, _TYPE = 200, 60
_UNKNOWN = {"made": None, "rounding": None, "amplification": None}

Setup = Dict[str, Any]
Report = Dict[str, Any]


def capture(setup: Setup, control_path: str, image: "np.ndarray", answer: "List[np.ndarray]") -> List[Report]:
    """Return a summary and the figures of each operator in the order in which they ran.

    `answer` is what the measured module makes of the image.

    Costs a run of the control's module, and three runs each of a session of the control and of the cell.

    Raises:
        AgentError: disk-full, workdir-unusable, or inference-failed where the engine shows no operators.
    """
    control = control_of(setup, control_path)
    right = Model(control).forward(image)[0]
    try:
        with Scratch(setup["scratch"]) as scratch:
            kept = Kept(scratch)
            control_undisturbed = equal(kept.fill(Session(control, image)), right)
            summary, operators = _compared(setup, control, image, answer, kept)
            whole = deviation((given, [wanted.reshape(-1)]) for given, wanted in zip(answer, right))
            more = {"output_relative_l2": whole.relative_l2, "scratch_mb": scratch.size / (1 << 20)}
            return [dict(summary, control_undisturbed=control_undisturbed, **_brief(more)), *operators]
    except OSError as error:
        raise from_os_error(error, "keeping the operators' numbers") from error


def rounded(values: "np.ndarray") -> "np.ndarray":
    """Return floats as float16 holds them."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32) if values.dtype == np.float32 else values


def _compared(
    setup: Setup, control: Setup, image: "np.ndarray", answer: "List[np.ndarray]", kept: Kept
) -> Tuple[Report, List[Report]]:
    # One session at a time: a board has little memory.
    seen, outputs = _as_it_is(Session(setup, image), kept)
    alone = fed(Session(setup, image), kept)
    rough = fed(Session(control, image), kept, rounded)
    noise = np.random.RandomState(0).standard_normal(image.shape).astype(np.float32)
    again = spoiled(Session(setup, noise), kept, _SPOILT)
    exact = spoiled(Session(control, noise), kept, _SPOILT)
    matched = {key: figures for key, figures in seen.items() if figures}
    sound = {
        key
        for key in matched
        if exact[key] == kept.digests(key) and again[key] == alone[key].digests and alone[key].change is not None
    }
    summary = {
        "undisturbed": equal(outputs, answer),
        "restored": len(sound) == len(matched),
        "unmatched": len(seen) - len(matched),
    }
    return summary, [
        dict(figures, **_by_itself(alone[key], rough[key]) if key in sound else _UNKNOWN)
        for key, figures in matched.items()
    ]


def _as_it_is(session: Session, kept: Kept) -> "Tuple[Dict[Key, Report], List[np.ndarray]]":
    """Return the figures of each operator in order, none of one that the control has not, and the outputs."""
    seen: Dict[Key, Report] = {}

    def leave(key: Key, tensors: List[Any], info: Any) -> None:
        found = kept.deviation(key, [host(tensor) for tensor in tensors])
        seen[key] = {} if found is None else _described(info, found)

    session.watch(lambda key, tensors, info: None, leave)
    if not seen:
        raise AgentError("inference-failed", "the engine shows no operators of this model")
    return seen, session.outputs()


def _described(info: Any, found: Deviation) -> Report:
    named = {"name": str(info.getName())[:_NAME], "type": str(info.getType())[:_TYPE]}
    return _brief(dict(named, flops=float(info.getFlops()), **found._asdict()))


def _by_itself(alone: Answer, rough: Answer) -> Report:
    """Return what is said of an operator that depends on its inputs alone; all of them could be fed."""
    made, rounding = (each.deviation.relative_l2 if each.deviation else None for each in (alone, rough))
    change, integers = rough.change or 0.0, rough.deviation.integers if rough.deviation else 0
    known = rounding is not None and rounding < math.inf and 0 < change < math.inf and not integers
    return _brief(
        {"made": made, "rounding": rounding, "amplification": (rounding or 0.0) / change if known else None}
    )


def _brief(figures: Report) -> Report:
    """Return figures with six digits: more say nothing, and links are slow."""
    return {name: float("%.6g" % value) if isinstance(value, float) else value for name, value in figures.items()}
