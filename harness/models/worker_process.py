"""Run one of our workers: a process of its own that takes one request, gives one answer and ends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAIL_LINES = 12
"""How many last lines of the tool's output an error shows."""


class ToolError(Exception):
    """The process gave no answer.

    Attributes:
        what: what became of it (a signal, an exit code, the deadline), for a message.
        output: the last lines that it printed.
    """

    def __init__(self, what: str, output: str) -> None:
        super().__init__(f"{what}; its last lines:\n{output}" if output else f"{what}, without a word")
        self.what = what
        self.output = output


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process answered, and the last lines that it printed."""

    values: dict[str, Any]
    output: str


def ask_worker(module: str, request: dict[str, Any], *, deadline_s: float) -> Answer:
    """Run the module `harness.models.<module>` on a request. Paths in it must be absolute.

    Raises:
        ToolError: the process was killed by a signal, ended with an error, or did not end within
            `deadline_s` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="farm-worker-") as folder:
        question, answer = Path(folder, "request.json"), Path(folder, "answer.json")
        question.write_text(json.dumps(request), encoding="utf-8")
        command = [sys.executable, "-m", f"harness.models.{module}", str(question), str(answer)]
        output = _run(command, folder=folder, deadline_s=deadline_s)
        return Answer(json.loads(answer.read_text(encoding="utf-8")), output)


def _run(command: list[str], *, folder: str, deadline_s: float) -> str:
    try:
        # Tools leave scratch files in the working directory: they get one of their own.
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise ToolError(f"did not end within {deadline_s:g} s", tail(late.stdout or b"")) from late
    if done.returncode:
        raise ToolError(ending(done.returncode), tail(done.stdout))
    return tail(done.stdout)


def _environment() -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def ending(code: int) -> str:
    """Say how a process ended, by its exit code as Python gives it."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def tail(output: bytes) -> str:
    """Return the last lines of a tool's output; carriage returns (progress bars) end lines too."""
    lines = output.decode("utf-8", "replace").replace("\r", "\n").splitlines()
    return "\n".join([line for line in lines if line.strip()][-TAIL_LINES:])
