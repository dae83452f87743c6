"""One thread for what takes long: storing, unpacking, waiting for the lease. The loop stays free for heartbeats."""

import queue
import threading
from typing import Callable, Tuple, TypeVar, Union

from harness.agent.failures import AgentError, outcome
from harness.agent.loop import Loop

_T = TypeVar("_T")
_Job = Tuple[Callable[[], None], int]


class Worker:
    """Does jobs one after the other, in the order given.

    Attributes:
        load: how many bytes the jobs that are not done yet hold; for the loop's thread only.
    """

    def __init__(self, loop: Loop) -> None:
        self.load = 0
        self._loop = loop
        self._jobs: "queue.Queue[_Job]" = queue.Queue()
        threading.Thread(target=self._run, name="worker", daemon=True).start()

    def do(self, job: "Callable[[], _T]", done: "Callable[[Union[_T, AgentError]], None]", load: int = 0) -> None:
        """Do `job` in the worker's thread; call `done` in the loop's with its result or its failure."""

        def work() -> None:
            result = outcome(job)
            self._loop.post(lambda: done(result))

        self.load += load
        self._jobs.put((work, load))

    def _run(self) -> None:
        while True:
            work, load = self._jobs.get()
            work()
            self._loop.post(lambda load=load: self._relieve(load))  # type: ignore[misc]

    def _relieve(self, load: int) -> None:
        self.load -= load
