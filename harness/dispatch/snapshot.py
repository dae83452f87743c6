"""What a run was asked, as the journal's first line keeps it: enough to judge and to resume without the YAML."""

from harness.evidence import CellKey, Value
from harness.precision import Precision
from harness.results import ModelResult, Thresholds


class DeviceNote(Value):
    """What the inventory said of a device, as far as reports show it."""

    name: str
    kind: str
    emulated: bool
    labels: dict[str, str]


class ModelNote(Value):
    """A model and its yardstick: digests of reference outputs and labels in the evidence folder."""

    result: ModelResult
    reference: str | None
    labels: str | None
    output_name: str


class Expected(Value):
    """A failure that is known, with the reason."""

    device: str
    model: str
    precision: str
    reason: str


class Snapshot(Value):
    """A run's question.

    `identity` names what may not change between a run and its `--resume`: inventory, experiment, models
    and engines, each by a digest of its content.
    """

    run: str
    harness: str
    devices: tuple[DeviceNote, ...]
    models: tuple[ModelNote, ...]
    precisions: tuple[Precision, ...]
    engines: tuple[str, ...]
    cells: tuple[CellKey, ...]
    thresholds: Thresholds
    confidence: float
    known_failures: tuple[Expected, ...]
    identity: dict[str, str]
    versions: dict[str, str]
