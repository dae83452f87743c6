"""What was found: judged cells, as results.json and every report show them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from harness.evidence import CellKey, Failure, Operator
from harness.value import Value


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


class Extent(StrEnum):
    """How far the precision that was asked for took effect."""

    FULL = "in effect"
    PARTLY = "partly in effect"
    NONE = "not in effect"
    UNPROVEN = "unproven"


class Effective(Value):
    """What really ran.

    Attributes:
        weights: how the weights are stored in the file that ran.
        compute: the arithmetic that ran (fp32, fp16, int8+fp32, …).
        proof: the proofs that agree on it (backend, values, equals-fp32, …).
        proven: whether they settle it.
        in_effect: whether it is what the cell's precision asks for; None where that is not proven.
        extent: the same with its middle ground: some operators fell back.
        share: share (0..1) of the multiply-adds that ran as asked, where that was measured.
        fallbacks: the operators that did not, the largest first.
        note: one sentence for the report where something is to be said.
    """

    weights: str
    compute: str
    proof: tuple[str, ...] = ()
    proven: bool = False
    in_effect: bool | None = None
    extent: Extent = Extent.UNPROVEN
    share: float | None = None
    fallbacks: tuple[Operator, ...] = ()
    note: str = ""


class Metrics(Value):
    """Distances from the reference, over all images of a cell; see `harness.judge.metrics`.

    The intervals are those of the tests that decide the verdict, each end at the confidence of the run over all looks
    (`harness.judge.inversion`); of a cell that shares a verdict, those of the cell that it shares it with.
    """

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


class LossPart(Value):
    """One measured part of a loss: outputs against other outputs over the same images.

    Attributes:
        relative_l2_median: infinite where outputs are not finite.
        flips: images whose top-1 differs between the two.
        drop_points: points of top-1 accuracy lost from the one to the other; None without labels.
    """

    images: int
    relative_l2_median: float
    flips: int
    drop_points: float | None = None


class LossSplit(Value):
    """Where a cell's loss comes from; the parts need not add up. None: not measured. See `harness.judge.split`.

    Attributes:
        conversion: the fp32 .mnn file on the coordinator against onnxruntime.
        quantisation: this variant's file on the coordinator, precision high, against the fp32 file there.
        arithmetic: the device against the coordinator, same file.
        device: the device against its peers (`Peers`), where they are not equal to the bit.
        floor: the model in onnxruntime with every tensor rounded to float16 and wide accumulation: what
            fp16 itself must lose. Only where fp16 arithmetic was asked for.
        dominant: the part that explains the loss, by the rule of `harness.judge.split`.
        note: one sentence on it.
    """

    conversion: LossPart | None = None
    quantisation: LossPart | None = None
    arithmetic: LossPart | None = None
    device: LossPart | None = None
    floor: LossPart | None = None
    dominant: Cause | None = None
    note: str = ""


class Peers(Value):
    """Devices whose effective path, engine and thread count are the same: they should agree to the bit.

    Attributes:
        equal: names of the others that agree to the bit over the images that both have.
        unequal: names of those that do not.
        odd: the device that differs where all others (two or more) agree among themselves.
        asked_equal, asked_unequal, asked_odd: the same for devices that were asked the same, where it is not
            proven on one side or the other what ran; they need not agree.
    """

    equal: tuple[str, ...] = ()
    unequal: tuple[str, ...] = ()
    odd: str | None = None
    asked_equal: tuple[str, ...] = ()
    asked_unequal: tuple[str, ...] = ()
    asked_odd: str | None = None


class Flip(Value):
    """An image whose top-1 is not the reference's.

    Attributes:
        image: position in the model's sample order.
        reference: class of the reference; `given`: class of the device, None where its output is not finite.
        margin: the reference's largest output minus its second largest: how near the flip lay.
    """

    image: int
    reference: int
    given: int | None
    label: int | None = None
    margin: float


class Certainty(Value):
    """How sure a verdict is; see `harness.judge.sequential`.

    Attributes:
        confidence: of each one-sided statement, PASS and FAIL, over all looks together.
        method: the test that settled it, or that is under way.
        decided_at: after how many images it was settled; None where it was not.
        images_needed: how many images would be expected to settle it; None where it is settled, or where the
            loss seen is so near the threshold that no number of images is in sight.
    """

    confidence: float
    method: str
    decided_at: int | None = None
    images_needed: int | None = None


class Numeric(Value):
    """The numbers-only thresholds, apart from accuracy: whether each is kept; None where it is not set."""

    relative_l2: bool | None = None
    cosine: bool | None = None


class Steady(Value):
    """How still a device must keep for its times to be stable; see `harness.config.health`."""

    max_temp_rise_c: float = 15.0
    max_clock_change: float = 0.1


class Condition(Value):
    """How a device was over a cell; None where it does not tell.

    Attributes:
        hottest_c: the hottest zone at first, and at most, degrees Celsius.
        clock_mhz: the fastest core's clock before and after it was timed, MHz.
        battery_percent: at first and at last; `charging` at last.
        governor: the frequency governors seen; more than one where it changed.
        busy: share (0..1) of all cores' time that others used right before it.
        memory_mb, disk_mb: the least that was free, MB.
        throttled: what slowed it down, in words.
    """

    hottest_c: tuple[float, float] | None = None
    clock_mhz: tuple[float, float] | None = None
    battery_percent: tuple[float, float] | None = None
    charging: bool | None = None
    governor: tuple[str, ...] = ()
    busy: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    throttled: tuple[str, ...] = ()


class Timing(Value):
    """Times of one inference, milliseconds; `emulated` ones say nothing about hardware.

    Attributes:
        drift: median of the last third of the times over that of the first third; 1 where there is none.
        grade: `stable`, `noisy` (by MAD), `drifting`, `few` (too few times to tell), or what the device itself
            says against them: `throttled`, `clock moved`, `heated up`.
    """

    emulated: bool
    first_ms: float
    median_ms: float
    p90_ms: float
    mad_ms: float
    stable: bool
    drift: float = 1.0
    grade: str = ""


class CellResult(Value):
    """One judged cell.

    Attributes:
        flips: the images whose top-1 is not the reference's, in the order of the samples.
        condition: how the device was; None where it tells nothing.
        shared_with: the cell whose verdict this one shares, having given the same outputs to the bit.
        expected: the reason why this cell is known to fail; None where it is not.
    """

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
    certainty: Certainty | None = None
    split: LossSplit | None = None
    peers: Peers | None = None
    flips: tuple[Flip, ...] = ()
    numeric: Numeric | None = None
    condition: Condition | None = None
    shared_with: CellKey | None = None
    expected: str | None = None


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
    """A model as the report shows it.

    Attributes:
        warnings: what looks wrong with its samples, judged by the reference's own accuracy.
    """

    name: str
    source: str
    sha256: str
    samples: int
    labelled: bool
    card: dict[str, object] = {}
    warnings: tuple[str, ...] = ()


class Thresholds(Value):
    """What separates PASS from FAIL: points of top-1 accuracy, or (without labels) share of agreement.

    `relative_l2` (largest median) and `cosine` (smallest median) are reported apart and decide no verdict.
    """

    accuracy_drop_points: Annotated[float, Field(gt=0, lt=100)] = 2.0
    agreement: Annotated[float, Field(gt=0, lt=1)] = 0.97
    relative_l2: Annotated[float, Field(gt=0, lt=1)] | None = None
    cosine: Annotated[float, Field(gt=0, lt=1)] | None = None


class RunResults(Value):
    """A whole judged run; pure data from which every report is rendered.

    Attributes:
        rejudged: what it was judged with that is not the run's own, in words; empty where it is the run's own.
    """

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
    rejudged: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every cell was settled: none is an error, none pending."""
        return all(cell.status in (Status.MEASURED, Status.UNSUPPORTED) for cell in self.cells)
