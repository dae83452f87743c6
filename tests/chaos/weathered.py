"""What a storm came to."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.chaos.kills import Phase

ANOTHER_TIMES = ("timing", "condition", "variant")
"""What of a cell is another time's (no conversion gives the same bytes twice); all else is the same where nothing was
lost and nothing confused."""

FREE_S = 30.0


@dataclass(frozen=True)
class Weathered:
    """What is left after a storm.

    Attributes:
        kills: how often the coordinator was killed in which phase of its work.
        seconds: that the whole took.
        freed_s: how long a board was held after a kill where nobody resumed; infinite if longer than `FREE_S`.
        calm: the results of a run that nobody disturbed.
        looked: in how many starts it was looked at what was left of those before.
        unreaped: what a start had left of those before it, although it was beyond ending that.
        left: what of all runs outlived the last.
        pieces: half-written files in the run's folder.
    """

    kills: Counter[Phase]
    seconds: float
    freed_s: float
    calm: dict[str, Any]
    results: dict[str, Any]
    journal: list[dict[str, Any]]
    looked: int
    unreaped: list[str]
    left: list[str]
    pieces: list[str]

    @property
    def differing(self) -> list[tuple[str, ...]]:
        """Return the cells whose results are not those of the undisturbed run."""
        calm, stormy = (_cells(results) for results in (self.calm, self.results))
        return [name for name in calm.keys() | stormy.keys() if calm.get(name) != stormy.get(name)]

    @property
    def measured_twice(self) -> list[str]:
        """Return the cells that the results hold, or that the journal holds a measurement of, more than once."""
        told = Counter(str(_name(cell)) for cell in self.results["cells"])
        done = Counter(
            str(event["evidence"]["key"])
            for event in self.journal
            if event["kind"] == "cell" and not event["evidence"]["failure"]
        )
        return sorted(key for count in (told, done) for key, times in count.items() if times > 1)

    @property
    def wrong(self) -> list[str]:
        """Return, in words, what is not as it must be."""
        found = [f"differs: {name}" for name in self.differing]
        found += [f"twice: {key}" for key in self.measured_twice]
        found += [f"not reaped by the next --resume: {one}" for one in self.unreaped]
        found += [f"left: {one}" for one in (*self.left, *self.pieces)]
        found += [] if self.results["run"]["complete"] else ["not complete"]
        if self.kills[Phase.CELL] < self.kills.total() / 3:
            found.append(f"too few kills within a cell: {self.kills[Phase.CELL]}")
        if not self.looked:
            found.append("it was never looked at what a resumed run had reaped")
        found += [] if self.freed_s <= FREE_S else ["a board was not free in time"]
        return found


def _name(cell: dict[str, Any]) -> tuple[str, ...]:
    return tuple(cell[name] for name in ("device", "model", "precision", "engine"))


def _cells(results: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    return {
        _name(cell): {name: value for name, value in cell.items() if name not in ANOTHER_TIMES}
        for cell in results["cells"]
    }
