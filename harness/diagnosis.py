"""What a closer look found: why cells lose accuracy, and what repairs them. Data, stored beside a run's results."""

from enum import StrEnum

from harness.evidence import CellKey
from harness.results import Verdict
from harness.value import Value


class Mechanism(StrEnum):
    """What in an operator costs accuracy."""

    OVERFLOW = "overflow"
    VANISHING = "vanishing denominator"
    POOLING = "pooling over many positions"
    ACCUMULATION = "long accumulation"
    CANCELLATION = "cancellation"
    FLUSHED = "flush to zero"
    WEIGHTS = "rounded weights"
    RANGE = "int8 range"
    ROUNDING = "rounding"


class Culprit(Value):
    """An operator that goes wrong by itself.

    Attributes:
        name, type: the engine's.
        made: relative L2 error of its outputs, given fp32 inputs; infinite where they are not finite.
        mechanism: what in it does it, by what was measured.
        words: the measurement that says so, as a clause.
    """

    name: str
    type: str
    made: float
    mechanism: Mechanism
    words: str


class BlockFinding(Value):
    """A block of the model; errors are relative L2, medians over the images, infinite where not finite.

    Attributes:
        share: of the model's multiply-adds.
        local: of its outputs, given fp32 inputs.
        alone: of the model's outputs, with only this block at the cell's precision.
        spared: of the model's outputs, with only this block in fp32.
        culprits: its operators that go wrong most, the worst first.
    """

    name: str
    share: float
    local: float | None
    alone: float | None
    spared: float | None = None
    culprits: tuple[Culprit, ...] = ()


class Point(Value):
    """An operator on the way through the network.

    Attributes:
        error: relative L2 error of its outputs so far; `made` of it here. None where not known.
    """

    name: str
    type: str
    block: str
    error: float | None
    made: float | None


class Explanation(Value):
    """Where the numbers of a cell leave those of fp32, and why.

    Attributes:
        images: positions in the sample order of the images looked at; `flipped` of them changed their top-1.
        together: relative L2 error of the model's outputs at the cell's precision, against fp32 on the same device.
        blocks: by what they do to the output alone, the worst first.
        depth: the operators in the order in which they ran.
        jump: the first operator at which the error grows to ten times what it was, or leaves 1e-3 behind.
        disturbed: looking at the operators changed what ran; only what was measured on blocks holds then.
        words: one paragraph.
        notes: what could not be measured, and why.
        wall_s: what it took.
    """

    key: CellKey
    images: tuple[int, ...]
    flipped: int
    together: float | None
    blocks: tuple[BlockFinding, ...] = ()
    depth: tuple[Point, ...] = ()
    jump: Point | None = None
    disturbed: bool = False
    words: str = ""
    notes: tuple[str, ...] = ()
    wall_s: float = 0.0

    @property
    def drawn(self) -> bool:
        """Whether `depth` shows the cell's own errors: looking at operators did not change what ran."""
        return bool(self.depth) and not self.disturbed


class Remedy(Value):
    """One repair that was tried on one device.

    Attributes:
        kind: what sort of repair: hint, rewrite, weights, layers, engine, mixed, usual advice, fp32.
        title: in words.
        key: the cell that was measured.
        verdict: by the same rule as any cell's.
        reduced_share: share of the multiply-adds that it leaves in the reduced arithmetic; None where not known.
        size: of the model's file, bytes.
        median_ms: on hardware only.
        speed_up: over fp32 on the same device, on hardware and between stable times only.
        settings: converter flags and run-time configuration, to paste into an application.
        plan: file of the plan within the run's folder, of mixed precision.
    """

    kind: str
    title: str
    key: CellKey
    verdict: Verdict
    reason: str = ""
    drop_points: float | None = None
    relative_l2: float | None = None
    images: int = 0
    reduced_share: float | None = None
    cuts: int = 0
    size: int | None = None
    median_ms: float | None = None
    speed_up: float | None = None
    settings: str = ""
    plan: str | None = None


class Treatment(Value):
    """What was tried for one failing cell.

    Attributes:
        tried: cheapest first.
        best: the cheapest that passes; None: no remedy passes.
        aim: relative L2 that it must keep besides, where the cell does not fail; None where it fails.
        probes: how many cells were measured for it; `wall_s` what they took.
    """

    key: CellKey
    tried: tuple[Remedy, ...] = ()
    best: Remedy | None = None
    aim: float | None = None
    probes: int = 0
    wall_s: float = 0.0
    notes: tuple[str, ...] = ()


class FrontPlan(Value):
    """A plan of mixed precision that no other was foretold to beat in error and in cost at once.

    Attributes:
        share: of the multiply-adds (0..1) in the reduced arithmetic.
        predicted: relative L2 error of the outputs, from what each block does alone.
        measured: the same, the largest of the devices; None where the plan was not tried.
        verdict: PASS where every device passes, else of one that does not; None where the plan was not tried.
        chosen: whether it is the plan that was taken.
    """

    share: float
    cuts: int
    predicted: float
    measured: float | None = None
    verdict: Verdict | None = None
    chosen: bool = False


class Search(Value):
    """What a search for mixed precision had to choose from, and what it chose.

    Attributes:
        key: of the cell that set it off.
        devices: on which a plan was to keep the accuracy.
        front: from all in the reduced arithmetic to all in fp32.
        plans: how many there were; `front` holds those that were tried and some between them.
        reason: why it ended, in words.
    """

    key: CellKey
    devices: tuple[str, ...]
    front: tuple[FrontPlan, ...]
    plans: int
    reason: str


class Prediction(Value):
    """What the lint foretold of a block, next to what was measured in it."""

    block: str
    predicted: float
    measured: float


class LintScore(Value):
    """How well the hazard lint foretold the errors of one explained cell.

    Attributes:
        correlation: Spearman's rank correlation of predicted and measured errors of blocks; None for too few.
        hits, misses, false_alarms: at `bound`, a relative L2.
    """

    key: CellKey
    correlation: float | None
    hits: int
    misses: int
    false_alarms: int
    bound: float
    predictions: tuple[Prediction, ...] = ()


class Diagnosis(Value):
    """All that was found out about one run."""

    explanations: tuple[Explanation, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    searches: tuple[Search, ...] = ()
    scores: tuple[LintScore, ...] = ()


NOTHING_FOUND = Diagnosis()
"""Of a run that nobody has looked at more closely."""
