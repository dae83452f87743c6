"""What stands in for `python3` on a device: a script that does something first, and Python code that it loads.

The code is a `sitecustomize` module, so it is in the bootstrap and in the agent, and not in the engine's zygote,
which starts without one. It fails as the operating system would, at the calls that would fail.

At the moment when it strikes, a plant leaves the file that FARM_STRUCK names: a play in which it never did proves
nothing.
"""

from pathlib import Path

MARK = "struck"

DISK = """
import builtins, errno, os
_open, _left = builtins.open, [{bytes}]
class _Full:
    def __init__(self, file): self._file = file
    def __getattr__(self, name): return getattr(self._file, name)
    def __enter__(self): return self
    def __exit__(self, *_): self._file.close()
    def write(self, data):
        _left[0] -= len(data)
        if _left[0] < 0:
            _open(os.environ["FARM_STRUCK"], "w").close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)
def _limited(path, mode="r", *more, **named):
    file = _open(path, mode, *more, **named)
    return _Full(file) if "{folder}" in str(path) and set(mode) & set("wax+") else file
builtins.open = _limited
"""
"""The disk is full once `bytes` were written below a folder of that name."""

CHANGED = """
import builtins, os
_open, _once = builtins.open, []
class _Bad:
    def __init__(self, file): self._file = file
    def __getattr__(self, name): return getattr(self._file, name)
    def __enter__(self): return self
    def __exit__(self, *_): self._file.close()
    def write(self, data):
        if not _once and len(data) > 100000:
            _once.append(1)
            _open(os.environ["FARM_STRUCK"], "w").close()
            data = bytes(data[:9]) + bytes([data[9] ^ 1]) + bytes(data[10:])
        return self._file.write(data)
def _changing(path, mode="r", *more, **named):
    file = _open(path, mode, *more, **named)
    return _Bad(file) if "/store/" in str(path) and set(mode) & set("wax+") else file
builtins.open = _changing
"""
"""One bit of the first large object changes on its way to the disk."""

CLOCK = """
import os, time
_time, _calls = time.time, [0]
def _jumping():
    _calls[0] += 1
    if _calls[0] == 1:
        open(os.environ["FARM_STRUCK"], "w").close()
    return _time() + (-1e8 if _calls[0] % 2 else 1e8)
time.time = _jumping
"""
"""The wall clock jumps by three years, to and fro, whenever it is read."""

OLD = """
import os, sys
open(os.environ["FARM_STRUCK"], "w").close()
sys.version_info = (3, 7, 2, "final", 0)
"""

_IN_A_CHILD = r"""
import subprocess
_init = subprocess.Popen.__init__
_CODE = '''
import os, sys, time
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0])
import builtins
_import, _mark = builtins.__import__, os.environ["FARM_STRUCK"]
def forward(self, image):
    if not os.path.exists(_mark):
        open(_mark, "w").close()
        ACT
    return _forward(self, image)
def _planting(name, *more, **named):
    global _forward
    module = _import(name, *more, **named)
    model = getattr(sys.modules.get("harness.agent.inference"), "Model", None)
    if model is not None and model.forward is not forward:
        _forward, model.forward = model.forward, forward
    return module
builtins.__import__ = _planting
from harness.agent import main
main.main()
'''
def _planted(self, args, *more, **named):
    if "--zygote" in args:
        at = args.index("--zygote") - 1
        args = [*args[:at], "-c", _CODE, *args[at:]]
    _init(self, args, *more, **named)
subprocess.Popen.__init__ = _planted
"""
HANGS = _IN_A_CHILD.replace("ACT", "time.sleep(3600)")
"""The first inference of the first cell never ends. (A signal to stop would not do: proot's tracees ignore it.)"""

AGENT_HANGS = r"""
import builtins, os, signal, sys, time
_import = builtins.__import__
def _hang(self, request):
    mark = os.environ["FARM_STRUCK"]
    if request.op == "infer" and not os.path.exists(mark):
        open(mark, "w").close()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    return _forward(self, request)
def _planting(name, *more, **named):
    global _forward
    module = _import(name, *more, **named)
    cells = getattr(sys.modules.get("harness.agent.cells"), "Cells", None)
    if cells is not None and cells.forward is not _hang:
        builtins.__import__ = _import
        _forward, cells.forward = cells.forward, _hang
    return module
builtins.__import__ = _planting
"""
"""The agent's one loop hangs in the first cell, deaf to polite signals; nothing is closed."""

STARVES = _IN_A_CHILD.replace("ACT", "raise MemoryError")
"""The first inference of the first cell gets no memory, which no limit brings about under emulation."""

NOISE = r"""
: > "$FARM_STRUCK"
printf 'Welcome to Ubuntu 22.04 LTS\n\n \033[31m*** System restart required ***\033[0m\n'
printf 'The device supports: i8sdot:1, fp16:1\n{"id": 1}\n'
printf 'bash: warning: setlocale: LC_ALL: cannot change locale\n' >&2
"""
"""A login shell with much to say, some of it like our own protocol."""


def python_script(place: Path, inside: str, *, first: str = "", code: str = "") -> str:
    """Write the script below `place`, which the device sees as `inside`; return its path for the inventory."""
    place.mkdir(parents=True, exist_ok=True)
    script = place / "python"
    lines = ["#!/bin/sh", f"FARM_STRUCK={inside}/{MARK} export FARM_STRUCK", first]
    if code:
        (place / "sitecustomize.py").write_text(code)
        lines.append(f"PYTHONPATH={inside} export PYTHONPATH")
    script.write_text("\n".join([*lines, 'exec python3 "$@"', ""]))
    script.chmod(0o755)
    return f"{inside}/python"
