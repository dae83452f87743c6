"""What became of a chaos run: of every device, and of the run."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.faults import MEASURED, Fault
from tests.chaos.scene import Scene

PRECISIONS = ("fp32", "fp16-weights", "w8-lowmem")
"""Three that compute in fp32: fp16 takes an emulated core three times as long."""

COMPLETE, INCOMPLETE = 0, 3


@dataclass(frozen=True)
class Outcome:
    """What became of a device.

    Attributes:
        expected: of the first cell and of the others: `measured`, or an error's code.
        found: of all its cells in the results, in the order of `PRECISIONS`.
        said: what its errors said.
        advised: every error says whose fault it is and what to do.
        unproven: what should show that the fault struck, and does not.
        again: cells that were measured, or stand in the results, more than once.
        held: its lease was still held long after the run.
    """

    name: str
    expected: tuple[str, str]
    found: tuple[str, ...]
    said: tuple[str, ...] = ()
    advised: bool = True
    unproven: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    held: bool = False

    @property
    def right(self) -> bool:
        """Whether the fault struck, all cells ended as it allows, none twice, and nothing is left on the device."""
        first, rest = self.expected
        as_allowed = self.found == (first, *[rest] * (len(PRECISIONS) - 1))
        return as_allowed and self.advised and not (self.unproven or self.again or self.held)

    @property
    def story(self) -> str:
        """What there is to say of it, in one line."""
        parts = [*self.said]
        parts += [f"NOT SHOWN: {what}" for what in self.unproven]
        parts += [f"TWICE: {cell}" for cell in self.again]
        parts += ["STILL HELD"] if self.held else []
        parts += [] if self.advised else ["AN ERROR WITHOUT BLAME OR ADVICE"]
        return f"{self.name}: {' / '.join(parts) or 'measured'}"


@dataclass(frozen=True)
class Played:
    """What became of a run; `code` is how `farm run` ended."""

    outcomes: tuple[Outcome, ...]
    code: int

    @property
    def expected_code(self) -> int:
        """How it should have ended: incomplete where a fault must end in an error."""
        return INCOMPLETE if any(set(one.expected) != {MEASURED} for one in self.outcomes) else COMPLETE

    @property
    def wrong(self) -> list[str]:
        """Return, in words, what is not as it must be."""
        stories = [one.story for one in self.outcomes if not one.right]
        if self.code != self.expected_code:
            stories.append(f"farm run ended with {self.code}, not {self.expected_code}")
        return stories


def outcome(name: str, fault: Fault, scene: Scene, out: Path, *, held: bool) -> Outcome:
    """Read from a run's folder what became of a device."""
    results = json.loads((out / "results.json").read_text())
    cells = [cell for cell in results["cells"] if cell["device"] == name]
    cells.sort(key=lambda cell: PRECISIONS.index(cell["precision"]))
    errors = [cell["error"] for cell in cells if cell["error"]]
    return Outcome(
        name=name,
        expected=(fault.first, fault.rest),
        found=tuple(_ending(cell) for cell in cells),
        said=tuple(dict.fromkeys(error["message"] for error in errors)),
        advised=all(error["blame"] and error["message"] and error["advice"] for error in errors),
        unproven=fault.unproven(scene),
        again=tuple(twice(cells, events(out), name)),
        held=held,
    )


def twice(cells: list[dict[str, Any]], journal: list[dict[str, Any]], device: str) -> list[str]:
    """Return the precisions that stand in the results more than once, or were measured so by the journal."""
    measured = [
        event["evidence"]["key"] for event in journal if event["kind"] == "cell" and not event["evidence"]["failure"]
    ]
    told = Counter(cell["precision"] for cell in cells)
    done = Counter(key["precision"] for key in measured if key["device"] == device)
    return sorted({name for count in (told, done) for name, times in count.items() if times > 1})


def events(out: Path) -> list[dict[str, Any]]:
    """Return what the journal of a run holds; a line that is just being written is left out."""
    journal = out / "journal.jsonl"
    lines = journal.read_text().splitlines() if journal.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _ending(cell: dict[str, Any]) -> str:
    return str(cell["error"]["code"]) if cell["error"] else str(cell["status"])
