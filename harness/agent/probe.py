"""What really ran: the engine's own word, the values of intermediate tensors, and a run at full precision.

MNN falls back without a word, so no single probe is believed; judging them is the coordinator's work.
"""

from typing import Any, Dict, List

import numpy as np

from harness.agent.absorption import absorbing, fingerprint, is_convolution
from harness.agent.control import HIGH
from harness.agent.inference import Model
from harness.agent.operators import Operator, largest, share, watched
from harness.agent.session import Session, equal
from harness.agent.values import host

_MEMORY, _BACKENDS = 0, 2
_LOW_MEMORY = 2

Report = Dict[str, Any]


def probe(setup: Dict[str, Any], image: "np.ndarray", answer: "List[np.ndarray]") -> Report:
    """Return the probe's figures for one image; `answer` is what the measured module makes of it.

    Only modules are compared to say whether a precision changed anything, and only sessions to count
    float16 values: the two interfaces need not agree. Costs one run, two more (a session's and a module's) unless
    the cell is at full precision itself, and two more where memory low may mean int8 multiplication.
    """
    own = _Watched(setup, image)
    report = {
        "session_backend": own.info(_BACKENDS),
        "session_memory_mb": own.info(_MEMORY),
        "session_memory_mb_high": None,
        "session_equals_module": equal(own.answer, answer),
        "half_tensors_high": None,
        "equals_high": None,
    }  # type: Report
    report.update(_halves(own.operators))
    report.update(_int8(own, setup["runtime"]["memory"] == _LOW_MEMORY))
    full = dict(setup["runtime"], precision=HIGH, memory=0)
    if full != setup["runtime"] or setup["hints"]:
        control = dict(setup, runtime=full, hints=[])
        session = _Watched(control, image)
        report["session_memory_mb_high"] = session.info(_MEMORY)
        report["half_tensors_high"] = sum(each.half_tensors for each in session.operators)
        report["equals_high"] = equal(Model(control).forward(image)[0], answer)
    return report


def _halves(operators: List[Operator]) -> Report:
    known = [each for each in operators if each.half is not None]
    return {
        "tensors": sum(each.tensors for each in known),
        "half_tensors": sum(each.half_tensors for each in known),
        "half_flops_share": share([each for each in known if each.half], known),
        "full_operators": largest([each for each in known if not each.half], known),
    }


def _int8(session: "_Watched", low_memory: bool) -> Report:
    """Say which operators multiplied int8 numbers; nothing where neither the file nor memory low asks for it."""
    multiplying = [each for each in session.operators if each.multiplies]
    typed = [each for each in multiplying if each.int8]
    if not typed and not low_memory:
        return {"int8_typed_share": None, "int8_share": None, "half_rest_share": None, "float_operators": []}
    absorbs = absorbing(session.run, session.convolutions) if low_memory else {}
    did = {each.name: each.levels if each.int8 else absorbs.get(each.name, False) for each in multiplying}
    known = [each for each in multiplying if did[each.name] is not None]
    rest = [each for each in session.operators if each.half is not None and not each.int8 and not did.get(each.name)]
    return {
        "int8_typed_share": share(typed, multiplying),
        "int8_share": share([each for each in known if did[each.name]], known),
        "half_rest_share": share([each for each in rest if each.half], rest),
        "float_operators": largest([each for each in known if not did[each.name]], known),
    }


class _Watched(Session):
    """A session that ran once.

    Attributes:
        operators: what ran, in order.
        convolutions: fingerprints of the outputs of float convolutions, by name.
        answer: its outputs, taken at once: later runs change them.
    """

    def __init__(self, setup: Dict[str, Any], image: "np.ndarray") -> None:
        super().__init__(setup, image)
        self.operators = []  # type: List[Operator]
        self.convolutions = {}  # type: Dict[str, int]
        self.run(lambda tensors, info: True, self._take)
        self.answer = self.outputs()

    def _take(self, tensors: List[Any], info: Any) -> bool:
        self.operators.append(watched(tensors, info))
        if is_convolution(info.getType()):
            self.convolutions[info.getName()] = fingerprint(host(tensors[0]))
        return True
