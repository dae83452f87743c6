"""What a child may use: cores and files."""

import contextlib
import os
import resource
from typing import Iterator, List, Set

from harness.agent.failures import AgentError

_MOST_CORES = 1024


def limit_files(size: int) -> None:
    """Let no file that this process writes grow beyond `size` bytes: an engine may print without end."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let files grow to `size` bytes for as long as we, and not the engine, are writing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def pin(cpus: object) -> None:
    """Run on the cores named only.

    Raises:
        AgentError: cores-absent, the device has not all of them for us.
    """
    if not isinstance(cpus, list):
        return
    got = _given(cpus)
    absent = [core for core in cpus if core not in got]
    if absent:
        words = "the device has no cores %s for us, only %s"
        raise AgentError("cores-absent", words % (absent, sorted(_given(list(range(_MOST_CORES))))))


def _given(cpus: List[int]) -> Set[int]:
    """Ask for cores; return those that were given: of several, the kernel leaves out the absent ones in silence."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError:
        return set()
    return os.sched_getaffinity(0)
