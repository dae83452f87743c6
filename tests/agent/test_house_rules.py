"""The device side keeps to what a device has: Python 3.8, the standard library, numpy and MNN."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import harness.agent

FOLDER = Path(harness.agent.__file__).parent
FILES = sorted(FOLDER.glob("*.py"))
IN_THE_CHILD = {
    "absorption.py",
    "chain.py",
    "blocks.py",
    "capture.py",
    "child.py",
    "deviation.py",
    "feeding.py",
    "inference.py",
    "kept.py",
    "operators.py",
    "part.py",
    "preprocess.py",
    "probe.py",
    "scratch.py",
    "session.py",
    "timed.py",
    "values.py",
    "zygote.py",
}
"""What may use numpy and MNN; the agent itself runs where neither is."""


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_python_3_8() -> None:
    vermin = str(Path(sys.executable).with_name("vermin"))
    command = [vermin, "-t=3.8-", "--no-tips", "--violations", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_imports(file: Path) -> None:
    for name in imported(file):
        top = name.split(".")[0]
        if top == "harness":
            assert name == "harness.agent" or name.startswith("harness.agent."), name
        elif top in ("numpy", "MNN"):
            assert file.name in IN_THE_CHILD, name
        else:
            assert top in sys.stdlib_module_names, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_sizes(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 150
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert (node.end_lineno or 0) - first.lineno < 30, (file.name, node.name)


def test_broad_excepts_stand_at_the_boundaries_only() -> None:
    found = [file.name for file in FILES if "except Exception" in file.read_text()]
    assert found == ["child.py", "failures.py", "zygote.py"]


def test_the_agent_starts_without_numpy(archive: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-B", str(archive), str(tmp_path / "work")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert done.stdout == harness.agent.PREAMBLE
    assert done.returncode == 0
