"""The command line starts at once: what needs no fleet imports neither Ray nor an engine."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("ray", "MNN", "onnxruntime", "onnx", "paramiko", "torch", "timm", "scipy", "rich", "numpy")
COMMANDS = ["", "run", "plan", "check", "report", "boards", "boards up", "boards down", "boards status"]

SHOWING_IMPORTS = """
import json, sys
sys.argv[0] = "farm"
from harness.cli import main
try:
    main()
finally:
    print("\\n" + json.dumps([name for name in sys.modules if "." not in name]))
"""


def imported(*arguments: str) -> tuple[str, set[str]]:
    """Run `farm` in a process of its own; return what it printed and what it imported."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWING_IMPORTS, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    output, _, modules = done.stdout.rstrip().rpartition("\n")
    return output, set(json.loads(modules))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_there_at_once_and_imports_nothing_heavy(command: str) -> None:
    began = time.monotonic()
    output, modules = imported(*command.split(), "--help")
    assert output.startswith(f"Usage: farm {command}".rstrip())
    assert not modules & set(HEAVY)
    assert time.monotonic() - began < 5.0  # a fifth of a second on an idle machine; Ray alone takes longer than this


def test_a_plan_needs_neither_engine_nor_ray(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "b0.onnx").touch()
    (tmp_path / "i.yaml").write_text("devices:\n- {name: a76, host: a76.lab}\n- {name: a53, host: a53.lab}\n")
    models = "models:\n- {name: b0, file: b0.onnx, samples: {images: images}}\n"
    (tmp_path / "e.yaml").write_text(f"{models}precisions: [fp32, fp16]\n")
    output, modules = imported("plan", "-i", str(tmp_path / "i.yaml"), "-e", str(tmp_path / "e.yaml"))
    assert "4 cells on 2 devices. Nothing was touched." in output
    assert not modules & {"ray", "MNN", "onnxruntime", "paramiko", "torch"}
