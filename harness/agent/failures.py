"""Failures on the device, as the codes that the coordinator knows."""

import errno
from typing import Any, Dict

Reply = Dict[str, Any]

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
