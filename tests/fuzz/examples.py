"""Good inputs, one of every kind that the readers know."""

from pathlib import Path
from typing import Any

import numpy as np

from harness.agent import PREAMBLE
from harness.dispatch.events import JOURNAL_LINE
from harness.fleet.bootstrap import MARK
from tests.dispatch.builders import begun, ended, failed, finished, key, measured, ready, started

_ROOT = Path(__file__).parents[2]

HEADERS: tuple[dict[str, Any], ...] = (
    {"op": "hello", "id": 1, "run": "r", "holder": "me@here", "lease": "~/lease", "silence_s": 12.0},
    {"id": 2, "ok": False, "code": "disk-full", "message": "No space left on device"},
    {
        "id": 3,
        "ok": True,
        "outputs": [{"name": "logits", "shape": [2, 10], "dtype": "float32"}],
        "infer_ms": [1.5, 2.5],
        "cell": "b0/fp16/3.6.1",
        "batch": "a" * 64,
    },
    {
        "session_backend": 13,
        "session_memory_mb": 21.5,
        "session_equals_module": True,
        "tensors": 314,
        "half_tensors": 310,
        "half_flops_share": 0.99,
        "full_operators": [{"name": "conv", "type": "Convolution", "share": 0.01}],
        "equals_high": False,
    },
    {
        "first_ms": 12.5,
        "samples_ms": [10.0, 10.5, 11.0],
        "output_unchanged": True,
        "health": [{"temperatures": {"cpu": 51.5}, "clocks_mhz": {"p0": 1800.0}, "throttled": ["hot"]}],
    },
    {
        "temperatures": {"cpu": 51.5},
        "busy": 0.25,
        "memory_available_mb": 512,
        "battery_percent": 63.0,
        "charging": True,
    },
)
CAPTURES = (
    b'{"undisturbed":true,"control_undisturbed":true,"restored":true,"output_relative_l2":0.0355358,"unmatched":0,'
    b'"scratch_mb":23.9942}\n{"name":"point_conv/Conv","type":"Convolution","flops":3.21,"elements":12544,"integers":0,'
    b'"relative_l2":0.115,"largest":7.59,"rms":1.17,"nonfinite":0,"near_overflow":0.0,"flushed":0.0,"tiny":7.97e-05,'
    b'"made":0.0879,"rounding":0.00722,"amplification":34.1}\n{"name":"exp","type":"UnaryOp","flops":0.01,'
    b'"elements":64,"integers":0,"relative_l2":Infinity,"largest":90000.0,"rms":210.5,"nonfinite":2,'
    b'"near_overflow":0.1,"flushed":0.0,"tiny":0.0,"made":Infinity,"rounding":Infinity,"amplification":null}',
)
GREETINGS = (
    b"Welcome to Ubuntu\r\n\x1b[1mmotd\x1b[0m\n" + MARK + b"need\n" + PREAMBLE,
    MARK + b"have\n" + PREAMBLE + b"FRM1",
    MARK + b"old 3.7\n",
    MARK + b"oserror 28 No space left on device\n",
)
JOURNAL = tuple(
    JOURNAL_LINE.dump_json(event)
    for event in (
        started(),
        begun(),
        ready(facts={"machine": "aarch64", "isa": ["fp16"]}),
        finished(measured(key())),
        finished(failed(key("w8"))),
        ended(variants=2),
    )
)
ARRAYS = (
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.arange(5, dtype=np.int64),
    np.zeros((0, 10), np.float32),
)
INVENTORIES = ((_ROOT / "inventory/example.yaml").read_bytes(),)
EXPERIMENTS = tuple(path.read_bytes() for path in sorted((_ROOT / "inventory").glob("*experiment*.yaml")))
