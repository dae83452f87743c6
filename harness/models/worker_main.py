"""What every worker process does around its work; see `worker_process` for the other end."""

import ctypes
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]

_PR_SET_PDEATHSIG = 1


def serve(work: Callable[[Request], Answer]) -> None:
    """Read the request file that the command line names, do the work, write the answer file that it names.

    Raises:
        Exception: whatever the work raises; the asking process shows what Python prints of it.
    """
    question, answer = map(Path, sys.argv[1:])
    sys.tracebacklimit = 1  # what the tool itself printed matters more, and only last lines are shown
    # Whoever asked may be killed; then nobody waits for the answer.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    result = work(json.loads(question.read_text(encoding="utf-8")))
    answer.write_text(json.dumps(result), encoding="utf-8")
