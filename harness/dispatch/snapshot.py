"""What a run was asked, as the journal's first line keeps it: enough to judge and to resume without the YAML."""

from typing import Annotated

from pydantic import Field

from harness.evidence import CellKey
from harness.precision import Memory, Precision, Weights
from harness.results import ModelResult, Steady, Thresholds
from harness.value import Value


class DeviceNote(Value):
    """What the inventory said of a device, as far as reports show it."""

    name: str
    kind: str
    emulated: bool
    labels: dict[str, str]
    threads: int = 4
    steady: Steady = Steady()


class HostNote(Value):
    """What a variant's file answered on the coordinator at precision high: a digest in the evidence folder.

    Attributes:
        size: of the file, bytes; None in journals of runs that did not write it down.
    """

    weights: Weights
    memory: Memory
    outputs: str
    size: int | None = None


class ModelNote(Value):
    """A model and its yardstick: digests of reference outputs and labels in the evidence folder.

    Attributes:
        host: the variants' own outputs on the coordinator, one for each (weights, memory) of the run.
        floor: outputs under float16 rounding between operators, where fp16 arithmetic is asked for.
    """

    result: ModelResult
    reference: str | None
    labels: str | None
    output_name: str
    host: tuple[HostNote, ...] = ()
    floor: str | None = None


class Expected(Value):
    """A failure that is known, with the reason."""

    device: str
    model: str
    precision: str
    reason: str


class Origin(Value):
    """Where a run's question stood, for a closer look later: absolute paths. No inventory: the default fleet."""

    inventory: str | None
    experiment: str


class Snapshot(Value):
    """A run's question.

    `identity` names what may not change between a run and its `--resume`: inventory, experiment, models
    and engines, each by a digest of its content. What decides a verdict is within the limits that the experiment
    file has: a journal may come from elsewhere.
    """

    run: str
    harness: str
    devices: tuple[DeviceNote, ...]
    models: tuple[ModelNote, ...]
    precisions: tuple[Precision, ...]
    engines: tuple[str, ...]
    cells: tuple[CellKey, ...]
    thresholds: Thresholds
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    batch: Annotated[int, Field(ge=1)] = 25
    known_failures: tuple[Expected, ...]
    identity: dict[str, str]
    versions: dict[str, str]
    origin: Origin | None = None
