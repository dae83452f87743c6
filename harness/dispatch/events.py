"""What happens in a run, in order: the lines of journal.jsonl and what a progress display is fed with."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from harness.dispatch.snapshot import Snapshot
from harness.evidence import CellEvidence, CellKey, DeviceEvidence
from harness.value import Value


class RunStarted(Value):
    """A run begins, or continues (`resumed`)."""

    kind: Literal["run-started"] = "run-started"
    at: str
    snapshot: Snapshot
    resumed: bool = False


class DeviceReady(Value):
    """A device answered, described itself and started its engines; or failed to, with the reason."""

    kind: Literal["device"] = "device"
    at: str
    device: DeviceEvidence


class CellStarted(Value):
    """A device begins a cell."""

    kind: Literal["cell-started"] = "cell-started"
    at: str
    key: CellKey


class CellFinished(Value):
    """A cell is settled: measured, unsupported or failed."""

    kind: Literal["cell"] = "cell"
    at: str
    evidence: CellEvidence


class RunEnded(Value):
    """A run ends; without this line it was killed."""

    kind: Literal["run-ended"] = "run-ended"
    at: str
    wall_s: float
    interrupted: bool
    counts: dict[str, int]


JournalEvent = RunStarted | DeviceReady | CellStarted | CellFinished | RunEnded
JOURNAL_LINE: TypeAdapter[JournalEvent] = TypeAdapter(
    Annotated[JournalEvent, Field(discriminator="kind")],
    # The adapter does not look at the values' own setting: without this, infinity becomes null.
    config=ConfigDict(ser_json_inf_nan="strings"),
)


class Progress(Value):
    """Something is under way; shown, never journalled.

    `done` of `total` is in the unit named; `total` 0 means that it is not known.
    """

    kind: Literal["progress"] = "progress"
    device: str
    text: str
    done: int = 0
    total: int = 0
    unit: str = ""
