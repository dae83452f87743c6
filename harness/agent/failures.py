"""Failures on the device, as the codes that the coordinator knows."""

import errno
from typing import Any, Callable, Dict, TypeVar, Union

Reply = Dict[str, Any]
_T = TypeVar("_T")

_FULL = (errno.ENOSPC, errno.EDQUOT)


class AgentError(Exception):
    """A request that failed, with one of the codes of harness.errors."""

    def __init__(self, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.more = more

    def reply(self) -> Reply:
        """Return the fields of a failed reply."""
        return dict(self.more, ok=False, code=self.code, message=self.message[:1500])


def from_os_error(error: OSError, what: str) -> AgentError:
    """Return what a failed file operation in the workdir means."""
    code = "disk-full" if error.errno in _FULL else "workdir-unusable"
    return AgentError(code, "%s: %s" % (what, error))


def outcome(job: "Callable[[], _T]") -> "Union[_T, AgentError]":
    """Do a job; return what it returned, or why it failed. This is the agent's boundary."""
    try:
        return job()
    except AgentError as error:
        return error
    except MemoryError:
        return AgentError("out-of-memory", "the agent ran out of memory")
    except Exception as error:  # noqa: BLE001 - the agent's boundary: one bad request must not end it
        return AgentError("protocol", "%s: %s" % (type(error).__name__, error))
