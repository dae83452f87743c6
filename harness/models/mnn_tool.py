"""Ask MNN for something, in a process of its own and within a deadline."""

from importlib import metadata
from typing import Any

from harness.models.worker_process import Answer, ToolError, ask_worker

__all__ = ["Answer", "ToolError", "ask", "mnn_version"]


def mnn_version() -> str:
    """Return the version of the installed MNN, without importing it."""
    return metadata.version("MNN")


def ask(op: str, *, deadline_s: float, **arguments: Any) -> Answer:
    """Run one operation of `mnn_worker` and return its answer. Paths among the arguments must be absolute.

    Raises:
        ToolError: MNN was killed by a signal (it aborts on bad input), ended with an error, or did not end
            within `deadline_s` seconds.
    """
    return ask_worker("mnn_worker", {"op": op, **arguments}, deadline_s=deadline_s)
