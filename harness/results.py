"""What was found: judged cells, as results.json and every report show them."""

from enum import StrEnum

from harness.evidence import CellKey, Failure, Value


class Status(StrEnum):
    """How far a cell came."""

    MEASURED = "measured"
    UNSUPPORTED = "unsupported"
    ERROR = "error"
    PENDING = "pending"


class Verdict(StrEnum):
    """What a cell's numbers mean."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NA = "N/A"
    ERROR = "ERROR"


class Cause(StrEnum):
    """Where a loss comes from."""

    NON_FINITE = "non-finite"
    CONVERSION = "conversion"
    QUANTISATION = "quantisation"
    ARITHMETIC = "arithmetic"
    DEVICE = "device"


class Effective(Value):
    """What really ran.

    Attributes:
        weights: how the weights are stored in the file that ran.
        compute: the arithmetic that ran (fp32, fp16, int8+fp32, …).
        proof: the proofs that agree on it (backend, values, equals-fp32, …).
        proven: whether they settle it.
        in_effect: whether it is what the cell's precision asks for; None where that is not proven.
        note: one sentence for the report where something is to be said.
    """

    weights: str
    compute: str
    proof: tuple[str, ...] = ()
    proven: bool = False
    in_effect: bool | None = None
    note: str = ""


class Metrics(Value):
    """Distances from the reference, over all images of a cell; see `harness.judge.metrics`."""

    images: int
    nonfinite: int
    cosine_min: float | None
    cosine_median: float | None
    relative_l2_median: float | None
    max_abs: float | None
    top1_agreement: float | None
    top1_accuracy: float | None = None
    reference_accuracy: float | None = None
    accuracy_drop_points: float | None = None
    accuracy_drop_interval: tuple[float, float] | None = None
    agreement_interval: tuple[float, float] | None = None


class Timing(Value):
    """Times of one inference, milliseconds; `emulated` ones say nothing about hardware."""

    emulated: bool
    first_ms: float
    median_ms: float
    p90_ms: float
    mad_ms: float
    stable: bool


class CellResult(Value):
    """One judged cell."""

    key: CellKey
    status: Status
    verdict: Verdict
    cause: Cause | None = None
    reason: str = ""
    effective: Effective | None = None
    metrics: Metrics | None = None
    timing: Timing | None = None
    failure: Failure | None = None
    variant: str | None = None


class DeviceResult(Value):
    """A device as the report shows it."""

    name: str
    kind: str = "board"
    emulated: bool = False
    labels: dict[str, str] = {}
    fingerprint: dict[str, object] = {}
    failure: Failure | None = None
    sent_bytes: int = 0


class ModelResult(Value):
    """A model as the report shows it."""

    name: str
    source: str
    sha256: str
    samples: int
    labelled: bool
    card: dict[str, object] = {}


class Thresholds(Value):
    """What separates PASS from FAIL: points of top-1 accuracy, or (without labels) share of agreement."""

    accuracy_drop_points: float = 2.0
    agreement: float = 0.97


class RunResults(Value):
    """A whole judged run; pure data from which every report is rendered."""

    id: str
    started: str
    wall_s: float
    harness: str
    thresholds: Thresholds
    confidence: float
    devices: tuple[DeviceResult, ...]
    models: tuple[ModelResult, ...]
    precisions: tuple[str, ...]
    engines: tuple[str, ...]
    cells: tuple[CellResult, ...]
    counts: dict[str, int] = {}
    versions: dict[str, str] = {}

    @property
    def complete(self) -> bool:
        """Whether every cell was settled: none is an error, none pending."""
        return all(cell.status in (Status.MEASURED, Status.UNSUPPORTED) for cell in self.cells)
