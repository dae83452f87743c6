"""Run a script against the real MNN in a process of its own, the way users would, to pin down its traps."""

import subprocess
import sys
from pathlib import Path

PRELUDE = """
import sys, json, numpy as np
def module(path, runtime, inputs=("image",), outputs=("logits",)):
    import MNN
    rt = MNN.nn.create_runtime_manager((runtime,))
    return MNN.nn.load_module_from_file(path, list(inputs), list(outputs), runtime_manager=rt)
def run(path, x, **runtime):
    import MNN
    net = module(path, {"backend": 0, "numThread": 1, **runtime})
    y = net.forward([MNN.expr.const(x, list(x.shape), MNN.expr.NCHW)])[0]
    return np.array(MNN.expr.convert(y, MNN.expr.NCHW).read(), copy=True)
def convert(onnx, mnn, *flags):
    import _tools
    return _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", onnx, "--MNNModel", mnn,
                              "--bizCode", "x", *flags])
"""


def script(code: str, *arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def verdicts(code: str, *arguments: object, cwd: Path) -> dict[str, object]:
    """Run a script that leaves a dictionary `found` and return it."""
    import json

    done = script(code + "\njson.dump(found, open('found.json', 'w'))", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads((cwd / "found.json").read_text()))
