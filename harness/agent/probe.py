"""What really ran: the engine's own word, the values of intermediate tensors, and a run at full precision.

MNN falls back without a word, so no single probe is believed; judging them is the coordinator's work.
"""

from typing import Any, Dict, List, NamedTuple, Optional

import MNN
import numpy as np

_MEMORY, _BACKENDS = 0, 2
_HIGH = 1
_MIN_FRACTIONS = 16
"""A tensor with fewer values that are no integers says nothing: zeros and ones are exact in float16."""

Report = Dict[str, Any]


class Traits(NamedTuple):
    """What one session showed: its output, and how many tensors equal their float16 round trip."""

    output: "np.ndarray"
    backend: Optional[int]
    memory_mb: Optional[float]
    tensors: int
    half_tensors: int
    half_flops_share: Optional[float]


def probe(setup: Dict[str, Any], path: str, image: "np.ndarray", module_output: "np.ndarray") -> Report:
    """Return the probe's figures for one image; `module_output` is the measured module's answer to it."""
    own = _session(setup, path, image, setup["runtime"], setup["hints"])
    report = {
        "session_backend": own.backend,
        "session_memory_mb": own.memory_mb,
        "session_equals_module": _equal(own.output, module_output),
        "tensors": own.tensors,
        "half_tensors": own.half_tensors,
        "half_tensors_high": None,
        "half_flops_share": own.half_flops_share,
        "equals_high": None,
    }  # type: Report
    full = dict(setup["runtime"], precision=_HIGH, memory=0)
    if full != setup["runtime"] or setup["hints"]:
        control = _session(setup, path, image, full, [])
        report["half_tensors_high"] = control.half_tensors
        report["equals_high"] = _equal(control.output, module_output)
    return report


def is_half(values: "np.ndarray") -> Optional[bool]:
    """Whether all values equal their float16 round trip; None where that would say nothing."""
    flat = values.ravel()
    fractions = np.count_nonzero(flat != np.rint(flat))
    if fractions < _MIN_FRACTIONS or not np.isfinite(flat).all():
        return None
    with np.errstate(over="ignore"):
        return bool((flat.astype(np.float16).astype(np.float32) == flat).all())


def _session(
    setup: Dict[str, Any], path: str, image: "np.ndarray", runtime: Dict[str, int], hints: List[List[int]]
) -> Traits:
    network = MNN.Interpreter(path)
    for number, value in hints:
        network.setSessionHint(number, value)
    session = network.createSession(dict(runtime))
    given = MNN.Tensor(tuple(image.shape), MNN.Halide_Type_Float, image, MNN.Tensor_DimensionType_Caffe)
    network.getSessionInput(session, setup["inputs"][0]).copyFrom(given)
    seen = _Seen()
    network.runSessionWithCallBackInfo(session, lambda tensors, info: True, seen.take)
    output = _host(network.getSessionOutput(session, setup["outputs"][0]))
    return Traits(
        output,
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
    return np.array(host.getNumpyData(), dtype=np.float32, copy=True)


def _info(network: Any, session: Any, what: int) -> Any:
    value = network.getSessionInfo(session, what)
    return (
        value[0] if isinstance(value, (list, tuple)) and value else value if isinstance(value, (int, float)) else None
    )


def _equal(one: "np.ndarray", other: "np.ndarray") -> bool:
    return one.size == other.size and one.ravel().tobytes() == other.ravel().tobytes()
