"""A gateway that is lost while lanes are started costs the cells of its own site."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from harness.config.inventory import Device
from harness.dispatch.arrays import ArrayStore
from harness.dispatch.events import CellFinished
from harness.dispatch.jobs import CellJob
from harness.dispatch.journal import Journal, read_journal
from harness.dispatch.ledger import Ledger, Listener
from harness.dispatch.run import Coordinator
from harness.errors import Code, FarmError
from harness.plan import Plan
from tests.dispatch.builders import BOARD, job


@dataclass
class Site:
    """A gateway that starts lanes until it is lost."""

    lost: bool = False
    asked: int = 0
    started: list[str] = field(default_factory=list)

    def start(self, device: Device, jobs: Sequence[CellJob]) -> None:
        del jobs
        self.asked += 1
        if self.lost:
            raise FarmError(Code.GATEWAY_LOST, "the actor died")
        self.started.append(device.name)


def test_others_are_started_and_the_lost_one_is_asked_once(tmp_path: Path) -> None:
    sites = {"berlin": Site(lost=True), "paris": Site()}
    places = {"b1": "berlin", "p1": "paris", "b2": "berlin", "p2": "paris"}
    devices = tuple(BOARD.model_copy(update={"name": name, "site": site}) for name, site in places.items())
    jobs = [_for(name) for name in places]
    nothing = cast(Any, None)
    with closing(Journal(tmp_path)) as journal:
        work = Ledger(Listener(), journal, ArrayStore(tmp_path))
        Coordinator(nothing, nothing)._start(cast(Any, sites), Plan((), devices), jobs, work)
        assert (work.busy("berlin"), work.busy("paris")) == (False, True)
    assert sites["paris"].started == ["p1", "p2"]
    assert sites["berlin"].asked == 1
    settled = [event.evidence for event in read_journal(tmp_path) if isinstance(event, CellFinished)]
    assert [one.key.device for one in settled] == ["b1", "b2"]
    assert {one.failure.code for one in settled if one.failure} == {Code.GATEWAY_LOST}


def _for(device: str) -> CellJob:
    from dataclasses import replace

    one = job()
    return replace(one, key=one.key.model_copy(update={"device": device}))
