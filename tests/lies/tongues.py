"""Lies as code that runs on the device: each is put at the end of a module of the real agent (see `field`)."""

from typing import Final

ANSWERS: Final = """
def _told(header, outputs):
    header["outputs"] = [dict(header["outputs"][0], shape=list(outputs.shape), dtype=str(outputs.dtype))]
    return header, outputs.tobytes()

def _called(header, **wrong):
    header["outputs"] = [dict(header["outputs"][0], **wrong)]
    return header

def _with(outputs, index, value):
    outputs[index] = value
    return outputs

LIES = {
    "classes-permuted": lambda h, o, first: _told(h, np.roll(o, 1, axis=1)),
    "images-permuted": lambda h, o, first: _told(h, np.roll(o, 1, axis=0)),
    "images-reversed": lambda h, o, first: _told(h, np.ascontiguousarray(o[::-1])),
    "first-batch-again": lambda h, o, first: _told(h, first[: len(o)]),
    "first-image-again": lambda h, o, first: _told(h, np.repeat(first[:1], len(o), axis=0)),
    "negated": lambda h, o, first: _told(h, -o),
    "zeros": lambda h, o, first: _told(h, np.zeros_like(o)),
    "constant": lambda h, o, first: _told(h, np.full_like(o, 0.25)),
    "one-class": lambda h, o, first: _told(h, np.tile(np.eye(o.shape[1], dtype=o.dtype)[1], (len(o), 1))),
    "nan-in-one": lambda h, o, first: _told(h, _with(o, (3, 2), np.nan)),
    "infinity-in-one": lambda h, o, first: _told(h, _with(o, (3, 2), np.inf)),
    "an-image-less": lambda h, o, first: _told(h, o[:-1]),
    "no-images": lambda h, o, first: _told(h, o[:0]),
    "a-class-less": lambda h, o, first: _told(h, np.ascontiguousarray(o[:, :-1])),
    "a-class-more": lambda h, o, first: _told(h, np.pad(o, ((0, 0), (0, 1)))),
    "transposed": lambda h, o, first: _told(h, np.ascontiguousarray(o.T)),
    "an-axis-more": lambda h, o, first: _told(h, o[:, None]),
    "float16": lambda h, o, first: _told(h, o.astype(np.float16)),
    "float64": lambda h, o, first: _told(h, o.astype(np.float64)),
    "integers": lambda h, o, first: _told(h, o.astype(np.int32)),
    "float64-called-float32": lambda h, o, first: (h, o.astype(np.float64).tobytes()),
    "integers-called-float32": lambda h, o, first: (h, (o * 1000).astype(np.int32).tobytes()),
    "cut-short": lambda h, o, first: (h, o.tobytes()[:-8]),
    "another-name": lambda h, o, first: (_called(h, name="features"), o.tobytes()),
    "no-name": lambda h, o, first: (dict(h, outputs=[{}]), o.tobytes()),
    "nothing": lambda h, o, first: (dict(h, outputs=[]), b""),
}

_honest_infer = Cell.infer

def _lying_infer(self, request):
    header, payload = _honest_infer(self, request)
    outputs = np.frombuffer(payload, np.float32).reshape(header["outputs"][0]["shape"]).copy()
    if not hasattr(self, "first_answer"):
        self.first_answer = outputs
    lie = LIES.get(request["cell"].split("/")[1])
    return lie(header, outputs, self.first_answer) if lie else (header, payload)

Cell.infer = _lying_infer
"""
"""One lie about the outputs for each precision that bears its name (child.py)."""

CLAIMS_ARM: Final = """
_honest_facts = facts

def facts(workdir, root="/"):
    return dict(_honest_facts(workdir, root), machine="aarch64", isa=["fp16", "dot"])
"""
"""Says that it is an ARM board with fp16 (greeting.py)."""

ARM_PROBE: Final = """
_honest_probe = Cell.probe

def _arm_probe(self, request):
    report, payload = _honest_probe(self, request)
    return dict(report, session_backend=0), payload

Cell.probe = _arm_probe
"""
"""The engine's own word as a board's that runs fp32 gives it; on AVX2 it is 13 whatever runs (child.py)."""

FORGED_PROBE: Final = """
_honest_probe = Cell.probe

def _forged_probe(self, request):
    report, payload = _honest_probe(self, request)
    low = request["cell"].split("/")[1] == "fp16"
    report["session_backend"] = 13 if low else 0
    if low:
        report.update(half_tensors=report["tensors"], half_tensors_high=0, half_flops_share=1.0, equals_high=False)
        if "full_operators" in report:
            report["full_operators"] = []
        report["session_memory_mb"] = report["session_memory_mb"] / 2
    return report, payload

Cell.probe = _forged_probe
"""
"""Every proof speaks for fp16, as on a cortex-a76 (child.py)."""

RUNS_FP32: Final = """
_honest_open = Cell.open

def _open_high(self, request):
    return _honest_open(self, dict(request, runtime=dict(request["runtime"], precision=1)))

Cell.open = _open_high
"""
"""Asked for precision low, configures high (child.py)."""

IMITATES_FP16: Final = """
_honest_infer = Cell.infer

def _rounded_infer(self, request):
    header, payload = _honest_infer(self, request)
    if request["cell"].split("/")[1] == "fp16":
        payload = np.frombuffer(payload, np.float32).astype(np.float16).astype(np.float32).tobytes()
    return header, payload

Cell.infer = _rounded_infer
"""
"""No lie as far as anybody can tell: outputs as fp16 would give them (child.py)."""

ONE_MODEL_FOR_ALL: Final = """
_honest_open = Cells.open
_first = []

def _open_the_first(self, request, zygote):
    _first.append(request.header["model"])
    request.header["model"] = _first[0]
    return _honest_open(self, request, zygote)

Cells.open = _open_the_first
"""
"""Gives every child the file that the first one was given: its own cache of models went stale (cells.py)."""

ANSWERS_OF_THE_FIRST_CELL: Final = """
import os as _os
_honest_infer = Cell.infer

def _replayed_infer(self, request):
    header, payload = _honest_infer(self, request)
    kept = _os.path.join(_os.path.dirname(request["batch_path"]), "kept-" + request["batch"])
    if not _os.path.exists(kept):
        with open(kept, "wb") as file:
            file.write(payload)
    with open(kept, "rb") as file:
        return header, file.read()

Cell.infer = _replayed_infer
"""
"""Keeps answers by batch and forgets that they belong to a cell (child.py)."""

FIRST_ORDER_FOR_ALL: Final = """
_honest_ask = CellProcess.ask
_orders = []

def _ask_the_first(self, request, header):
    if header["op"] == "open":
        _orders.append(header)
        header = _orders[0]
    return _honest_ask(self, request, header)

CellProcess.ask = _ask_the_first
"""
"""Opens the first cell again whatever is asked for, and the child says so (cell_process.py)."""

FIRST_BATCH_FOR_ALL: Final = """
_honest_ask = CellProcess.ask
_batches = []

def _ask_about_the_first(self, request, header):
    if "batch" in header:
        _batches.append({key: header[key] for key in ("batch", "batch_path")})
        header = dict(header, **_batches[0])
    return _honest_ask(self, request, header)

CellProcess.ask = _ask_about_the_first
"""
"""Asks the child about the first batch whatever is asked about, and the child says so (cell_process.py)."""

BACKWARD_CLOCK: Final = """
class _Clock:
    now = 1000.0

    @classmethod
    def perf_counter(cls):
        cls.now -= 0.25
        return cls.now

time = _Clock
"""
"""Each look at the clock shows an earlier time (inference.py)."""

STANDING_CLOCK: Final = """
class _Clock:
    @staticmethod
    def perf_counter():
        return 1000.0

time = _Clock
"""
"""Inferences that take no time at all (inference.py)."""

CREDULOUS: Final = """
def verify(path):
    pass
"""
"""Does not look at what it loads (child.py)."""
