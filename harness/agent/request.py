"""One request of the coordinator, and its one reply."""

from typing import Callable, Union

from harness.agent.failures import AgentError, outcome
from harness.agent.frames import FrameError, Header, encode


class Request:
    """A request on its way through the agent.

    Attributes:
        number: the id that the coordinator gave it.
        op: what is asked for.
    """

    def __init__(self, header: Header, payload: bytes, write: Callable[[bytes], None]) -> None:
        self.header = header
        self.payload = payload
        self.number = header["id"]
        self.op = str(header.get("op"))
        self._write = write

    def answer(self, reply: Header, payload: bytes = b"") -> None:
        """Send the reply; it is a good one unless it says otherwise."""
        try:
            frame = encode(dict({"ok": True}, **dict(reply, id=self.number)), payload)
        except (FrameError, ValueError) as error:
            frame = encode(
                dict(AgentError("protocol", "no frame can hold the reply: %s" % error).reply(), id=self.number)
            )
        self._write(frame)

    def refuse(self, failure: AgentError) -> None:
        """Send why it failed."""
        self.answer(failure.reply())

    def settle(self, result: Union[Header, AgentError]) -> None:
        """Send what came of it."""
        if isinstance(result, AgentError):
            self.refuse(result)
        else:
            self.answer(result)

    def attempt(self, job: Callable[[], None]) -> None:
        """Do what answers the request sooner or later; a failure on the way answers it now."""
        failure = outcome(job)
        if failure is not None:
            self.refuse(failure)
