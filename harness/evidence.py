"""What was observed, before anybody judges it: the values that journal and evidence folder hold.

Everything here is frozen and goes to JSON and back without loss, so that a stored run can be judged again
with other thresholds and without a device. Arrays are named by the sha256 of their .npy file.
"""

from harness.block_errors import BlockErrors
from harness.captured import Capture
from harness.errors import Code, Problem
from harness.value import Value


class CellKey(Value):
    """One cell of the matrix."""

    device: str
    model: str
    precision: str
    engine: str

    def __str__(self) -> str:
        return f"{self.device} · {self.model} · {self.precision} · MNN {self.engine}"


class Failure(Value):
    """A `Problem` as it stands in the journal."""

    code: Code
    message: str
    advice: str

    @property
    def problem(self) -> Problem:
        """The problem, with its blame."""
        return Problem(self.code, self.message, self.advice)

    @classmethod
    def of(cls, problem: Problem) -> "Failure":
        """Return the stored form of a problem."""
        return cls(code=problem.code, message=problem.message, advice=problem.what_to_do)


class Operator(Value):
    """An operator of the model as the engine ran it.

    Attributes:
        type: MNN's name for what it does (Convolution, ConvInt8, Raster, ...).
        share: its share (0..1) of the model's multiply-adds.
    """

    name: str
    type: str
    share: float


class SegmentProbe(Value):
    """What one sample told about a part of a model in mixed precision.

    Attributes:
        half: all its outputs equal their float16 round trip; None where they say nothing.
        equals_high: they are equal to the bit to what it answers to the same inputs at precision high.
    """

    half: bool | None = None
    equals_high: bool


class ChainProbe(Value):
    """What one sample told about a model that runs as a chain of parts.

    Attributes:
        error: relative L2 of the chain's outputs, all parts at precision high, from the whole model's at precision
            high; None where either is not finite.
        segments: its parts, in the order in which they run.
    """

    error: float | None = None
    segments: tuple[SegmentProbe, ...]


class Probe(Value):
    """What one sample told about the arithmetic that really ran.

    Attributes:
        session_backend: MNN's `getSessionInfo(session, 2)`: 13 fp16 kernels (on AVX2 x86 always), 0 fp32.
        session_memory_mb: MNN's `getSessionInfo(session, 0)`, MB.
        session_memory_mb_high: the same with the same file at precision high, memory normal, no hints; None where
            the cell itself is that.
        session_equals_module: the session's and the module's final outputs are equal to the bit; else the
            session's figures say nothing about the module that was measured.
        tensors: intermediate float tensors looked at.
        half_tensors: how many of them equal their own float16 round trip.
        half_tensors_high: the same count with the same file at precision high; None for plain fp32.
        half_flops_share: share (0..1) of the multiply-adds in operators whose outputs equal their round trip.
        full_operators: those whose outputs do not, the largest first; only those with multiply-adds, at most 16.
        int8_typed_share: share of the multiply-adds in operators that the engine says are int8 kernels; None where
            neither the file nor memory low asks for int8 multiplication.
        int8_share: share of the multiply-adds in operators that show it: those kernels by outputs on at most 256
            levels, other convolutions by ignoring what rounding their input to int8 would take away (see
            `harness.agent.absorption`).
        half_rest_share: `half_flops_share` among the operators that neither are int8 kernels nor show it.
        float_operators: those that do not show it, as `full_operators`.
        equals_high: output equal to the bit to the same file at precision high, memory normal, no hints;
            None where the cell itself is that.
        chain: of a cell in mixed precision; all other figures are then of the whole model at precision low.
    """

    session_backend: int | None = None
    session_memory_mb: float | None = None
    session_memory_mb_high: float | None = None
    session_equals_module: bool | None = None
    tensors: int = 0
    half_tensors: int = 0
    half_tensors_high: int | None = None
    half_flops_share: float | None = None
    full_operators: tuple[Operator, ...] = ()
    int8_typed_share: float | None = None
    int8_share: float | None = None
    half_rest_share: float | None = None
    float_operators: tuple[Operator, ...] = ()
    equals_high: bool | None = None
    chain: ChainProbe | None = None


class Health(Value):
    """The state of a device at one moment; what it does not tell is None or left out.

    Attributes:
        temperatures: degrees Celsius by thermal zone.
        clocks_mhz: current clock by frequency policy; `limits_mhz` the highest that is allowed now.
        governor: the frequency governor; with commas where policies differ.
        throttled: what slows the processor down at this moment, in words.
        load1: the kernel's load average over a minute.
        busy: share (0..1) of all cores' time in use, where that was measured.
        battery_temperature: degrees Celsius.
    """

    temperatures: dict[str, float] = {}
    clocks_mhz: dict[str, float] = {}
    limits_mhz: dict[str, float] = {}
    governor: str | None = None
    throttled: tuple[str, ...] = ()
    load1: float | None = None
    busy: float | None = None
    memory_available_mb: int | None = None
    disk_free_mb: int | None = None
    battery_percent: float | None = None
    charging: bool | None = None
    battery_temperature: float | None = None


class RawTiming(Value):
    """Inference times of one sample on the device, milliseconds.

    Attributes:
        health: the device right before and right after the samples, its cores warm and busy; () where not known.
    """

    first_ms: float
    samples_ms: tuple[float, ...]
    output_unchanged: bool
    health: tuple[Health, ...] = ()


class CellEvidence(Value):
    """What a cell left behind.

    Attributes:
        images: how many images were answered, the first ones of the model's sample order.
        outputs: sha256 of a .npy file, float32 [images, classes…]; None where nothing was measured.
        unsupported: why nothing was run at all; excludes the rest.
        stopped_early: measured on one sample only, since the precision did not take effect.
        looks: after how many images the cell was looked at to see whether its verdict is certain, rising.
        enough: why no more images were measured, in words; '' where all of them were.
        same_as: a cell of this run whose outputs were equal to the bit over all `images`, and which was decided
            then; the reason for measuring no more.
        health: the device before and after the cell; () where not known.
        captures, block_errors: of the images that were looked into, the first ones; () where none was.
    """

    key: CellKey
    images: int = 0
    outputs: str | None = None
    output_name: str | None = None
    probe: Probe | None = None
    timing: RawTiming | None = None
    unsupported: str | None = None
    failure: Failure | None = None
    stopped_early: bool = False
    looks: tuple[int, ...] = ()
    enough: str = ""
    same_as: CellKey | None = None
    health: tuple[Health, ...] = ()
    captures: tuple[Capture, ...] = ()
    block_errors: tuple[BlockErrors, ...] = ()
    variant: str | None = None
    wall_s: float = 0.0
    max_rss_mb: float | None = None


class DeviceEvidence(Value):
    """A device as it described itself; `facts` is what the agent's facts.py reports."""

    name: str
    facts: dict[str, object] = {}
    engines: dict[str, dict[str, object]] = {}
    sent_bytes: int = 0
    failure: Failure | None = None
