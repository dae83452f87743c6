"""What every worker process does around its work; see `worker_process` for the other end."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.models.limits import bind

Request = dict[str, Any]
Answer = dict[str, Any]


def serve(work: Callable[[Request], Answer]) -> None:
    """Read the request file that the command line names, do the work, write the answer file that it names.

    Raises:
        Exception: whatever the work raises; the asking process shows what Python prints of it.
    """
    question, answer = map(Path, sys.argv[1:])
    sys.tracebacklimit = 1  # what the tool itself printed matters more, and only last lines are shown
    bind()  # whoever asked may be killed, and then nobody waits for the answer
    result = work(json.loads(question.read_text(encoding="utf-8")))
    answer.write_text(json.dumps(result), encoding="utf-8")
