"""An engine that was asked for."""

import math
import time
from typing import Callable, List, Optional, Union

from harness.agent.engines import Wheel
from harness.agent.failures import AgentError
from harness.agent.zygote_process import ZygoteProcess

Waiting = Callable[[Union[ZygoteProcess, AgentError]], None]


class Engine:
    """What is known of an engine, and who waits for it.

    Attributes:
        zygote: its process; it can fork as soon as it is `ready`.
        unpacked: whether its wheels were unpacked just now, and nobody was told yet.
        until: when whoever has the least time gives it up, `allowed_s` after asking.
    """

    def __init__(self, version: str, wheels: List[Wheel]) -> None:
        self.version = version
        self.wheels = wheels
        self.zygote: Optional[ZygoteProcess] = None
        self.ready = False
        self.unpacked = False
        self.waiting: List[Waiting] = []
        self.allowed_s = 0.0
        self.until = math.inf

    @property
    def idle(self) -> bool:
        """Whether nothing goes on."""
        return self.zygote is None and not self.waiting

    def wait(self, then: Waiting, allowed_s: float) -> None:
        """Call `then` once it runs; whoever has the least time decides how long it may take."""
        until = time.monotonic() + allowed_s
        if until < self.until:
            self.until, self.allowed_s = until, allowed_s
        self.waiting.append(then)

    def tell(self, result: Union[ZygoteProcess, AgentError]) -> None:
        """Call all that wait."""
        waiting, self.waiting, self.until = self.waiting, [], math.inf
        for then in waiting:
            then(result)
