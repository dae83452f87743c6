"""When a storm kills, and what the coordinator was doing when it was killed."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """What a coordinator is doing, by what it has written to the journal since it was started."""

    PREPARING = "preparing"
    CONNECTING = "connecting"
    CELL = "within a cell"
    BETWEEN = "between cells"
    ENDING = "judging, ending"


@dataclass(frozen=True)
class Moment:
    """When to kill: so long after an event of that kind stands in the journal; None: after the start."""

    since: str | None
    after_s: float


def moments(kills: int, chance: random.Random) -> Iterator[Moment]:
    """Yield when to kill: three tenths before a cell is begun, one in seven at the end, the others within a cell.

    Those at the end come last, since the run must get there first.
    """
    early, late = 3 * kills // 10, kills // 7
    plan = ["start", "connecting"] * early
    plan = plan[:early] + ["cell"] * (kills - early - late)
    chance.shuffle(plan)
    for one in plan + ["end"] * late:
        yield _MOMENTS[one](chance)


_MOMENTS = {
    "start": lambda chance: Moment(None, chance.uniform(0.3, 5.0)),
    "connecting": lambda chance: Moment("run-started", chance.uniform(0.0, 1.5)),
    "cell": lambda chance: Moment("cell-started", chance.uniform(0.0, 6.0)),
    "end": lambda chance: Moment("run-ended", chance.uniform(0.0, 1.0)),
}


def phase(events: Sequence[dict[str, Any]]) -> Phase:
    """Return what was being done when the journal held these events of one start, and nothing more."""
    kinds = [event["kind"] for event in events]
    if "run-started" not in kinds:
        return Phase.PREPARING
    if "run-ended" in kinds:
        return Phase.ENDING
    if "cell-started" not in kinds:
        return Phase.CONNECTING
    begun = {_key(event["key"]) for event in events if event["kind"] == "cell-started"}
    settled = {_key(event["evidence"]["key"]) for event in events if event["kind"] == "cell"}
    return Phase.CELL if begun - settled else Phase.BETWEEN


def _key(key: dict[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
