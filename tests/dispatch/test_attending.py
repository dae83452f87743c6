"""Gateways hear that the coordinator lives whatever its main thread waits for, and no longer than that."""

import threading
import time
from dataclasses import dataclass, field

from harness.dispatch.attending import attending
from harness.errors import Code, FarmError
from tests.fleet.wires import PATIENCE_S


@dataclass
class Site:
    """A gateway that answers, is lost, or does not answer at all."""

    lost: bool = False
    frozen: threading.Event | None = None
    heard: int = 0
    often: threading.Event = field(default_factory=threading.Event)

    def attend(self) -> None:
        if self.frozen is not None:
            self.frozen.wait(PATIENCE_S)
        if self.lost:
            raise FarmError(Code.GATEWAY_LOST, "gone")
        self.heard += 1
        if self.heard >= 3:
            self.often.set()


def test_all_that_live_hear_of_it_again_and_again_and_not_after_the_end() -> None:
    thawed = threading.Event()
    frozen, lost, one, other = Site(frozen=thawed), Site(lost=True), Site(), Site()
    with attending([frozen, lost, one, other], every_s=0.01):
        assert one.often.wait(PATIENCE_S)
        assert other.often.wait(PATIENCE_S)
    time.sleep(0.05)
    heard = one.heard
    time.sleep(0.1)
    assert one.heard == heard
    assert frozen.heard == 0
    thawed.set()


def test_nothing_to_attend_is_nothing_to_do() -> None:
    with attending([]):
        pass
