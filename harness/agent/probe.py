"""What really ran: the engine's own word, the values of intermediate tensors, and a run at full precision.

MNN falls back without a word, so no single probe is believed; judging them is the coordinator's work.
"""

from typing import Any, Dict, List, NamedTuple, Optional

import MNN
import numpy as np

from harness.agent.inference import Model

_MEMORY, _BACKENDS = 0, 2
_HIGH = 1
_MIN_FRACTIONS = 16
"""A tensor with fewer different values that are no integers says nothing: 0, 1 and 0.5 are exact in float16."""

_LOOKED_AT = 256
"""How many fractions, evenly spread, are searched for different ones."""

Report = Dict[str, Any]


class Traits(NamedTuple):
    """What one session showed: its outputs, and how many tensors equal their float16 round trip."""

    outputs: "List[np.ndarray]"
    backend: Optional[int]
    memory_mb: Optional[float]
    tensors: int
    half_tensors: int
    half_flops_share: Optional[float]


def probe(setup: Dict[str, Any], image: "np.ndarray", answer: "List[np.ndarray]") -> Report:
    """Return the probe's figures for one image; `answer` is what the measured module makes of it.

    Only modules are compared to say whether a precision changed anything, and only sessions to count
    float16 values: the two interfaces need not agree.
    """
    own = _session(setup, image)
    report = {
        "session_backend": own.backend,
        "session_memory_mb": own.memory_mb,
        "session_equals_module": _equal(own.outputs, answer),
        "tensors": own.tensors,
        "half_tensors": own.half_tensors,
        "half_tensors_high": None,
        "half_flops_share": own.half_flops_share,
        "equals_high": None,
    }  # type: Report
    full = dict(setup["runtime"], precision=_HIGH, memory=0)
    if full != setup["runtime"] or setup["hints"]:
        control = dict(setup, runtime=full, hints=[])
        report["half_tensors_high"] = _session(control, image).half_tensors
        report["equals_high"] = _equal(Model(control).forward(image)[0], answer)
    return report


def is_half(values: "np.ndarray") -> Optional[bool]:
    """Whether all values equal their float16 round trip; None where that would say nothing."""
    flat = values.ravel()
    if flat.dtype != np.float32 or not np.isfinite(flat).all():
        return None
    fractions = flat[flat != np.rint(flat)]
    # Not np.unique: its sorting took longer than the whole inference on an emulated core.
    if len(set(fractions[:: fractions.size // _LOOKED_AT + 1].tolist())) < _MIN_FRACTIONS:
        return None
    with np.errstate(over="ignore"):
        return bool((flat.astype(np.float16).astype(np.float32) == flat).all())


def _session(setup: Dict[str, Any], image: "np.ndarray") -> Traits:
    network = MNN.Interpreter(setup["model_path"])
    for number, value in setup["hints"]:
        network.setSessionHint(number, value)
    session = network.createSession(dict(setup["runtime"]))
    given = MNN.Tensor(tuple(image.shape), MNN.Halide_Type_Float, image, MNN.Tensor_DimensionType_Caffe)
    network.getSessionInput(session, setup["inputs"][0]).copyFrom(given)
    seen = _Seen()
    network.runSessionWithCallBackInfo(session, lambda tensors, info: True, seen.take)
    return Traits(
        [_host(network.getSessionOutput(session, name)) for name in setup["outputs"]],
        _info(network, session, _BACKENDS),
        _info(network, session, _MEMORY),
        seen.tensors,
        seen.half_tensors,
        seen.half_flops / seen.flops if seen.flops else None,
    )


class _Seen:
    """Counts what passes by in a session's callback."""

    def __init__(self) -> None:
        self.tensors = self.half_tensors = 0
        self.flops = self.half_flops = 0.0

    def take(self, tensors: List[Any], info: Any) -> bool:
        found = [is_half(_host(tensor)) for tensor in tensors]
        known = [half for half in found if half is not None]
        self.tensors += len(known)
        self.half_tensors += sum(known)
        if known:
            flops = float(info.getFlops())
            self.flops += flops
            self.half_flops += flops if all(known) else 0.0
        return True  # anything else ends the session


def _host(tensor: Any) -> "np.ndarray":
    # Read without this copy, the numbers are in the engine's own layout and type: garbage.
    host = MNN.Tensor(tensor, MNN.Tensor_DimensionType_Caffe)
    tensor.copyToHostTensor(host)
    return np.array(host.getNumpyData(), copy=True)


def _info(network: Any, session: Any, what: int) -> Any:
    value = network.getSessionInfo(session, what)
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value if isinstance(value, (int, float)) else None


def _equal(one: "List[np.ndarray]", other: "List[np.ndarray]") -> bool:
    # To the bit, NaN included; a session may leave out axes of length 1.
    return [(array.dtype, array.tobytes()) for array in one] == [(array.dtype, array.tobytes()) for array in other]
