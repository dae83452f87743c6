"""The catalogue of precisions: weights x compute x memory x hints.

The one place that knows how a precision becomes converter flags and run-time integers. MNN silently
ignores a run-time value it does not understand (strings, enumerations), so only the integers made here
ever reach it.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

RuntimeConfig = dict[str, int]


class Compute(StrEnum):
    """The arithmetic asked for at run time."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"

    @property
    def mnn(self) -> int:
        """MNN's `precision` value: 1 high, 2 low, 3 low_bf16."""
        return {Compute.FP32: 1, Compute.FP16: 2, Compute.BF16: 3}[self]


class Memory(StrEnum):
    """MNN's memory mode; `low` lets quantised weights be used without dequantising them."""

    NORMAL = "normal"
    LOW = "low"

    @property
    def mnn(self) -> int:
        """MNN's `memory` value: 0 normal, 2 low."""
        return {Memory.NORMAL: 0, Memory.LOW: 2}[self]


class Backend(StrEnum):
    """The engine's backend; everything but `cpu` must prove that it is there."""

    CPU = "cpu"
    OPENCL = "opencl"
    VULKAN = "vulkan"
    CUDA = "cuda"
    NNAPI = "nnapi"

    @property
    def mnn(self) -> int:
        """MNN's forward type (MNNForwardType.h)."""
        return {
            Backend.CPU: 0,
            Backend.CUDA: 2,
            Backend.OPENCL: 3,
            Backend.NNAPI: 5,
            Backend.VULKAN: 7,
        }[self]


HINTS: Final = MappingProxyType({"winograd": 3, "dynamic_quant": 5, "cpu_core_ids": 14, "sme2": 15, "kleidiai": 16})
"""Names of MNN's run-time hints and the numbers that `set_hint` takes."""

REWRITES: Final = ("mean-pool", "scale-attention", "sum-matmul", "epsilon")
"""Names of the rewrites of an ONNX graph (`harness.models.rewrites`), in the order in which they are made."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What is in a model's .mnn file: how its weights are stored, and how its graph was rewritten before.

    Attributes:
        half: stored as float16 (`--fp16`), where the converter cuts each weight towards zero; excludes `bits`.
        bits: weight-only quantisation to 2..8 bits, or None for float weights.
        block: quantisation block along the input channels, or None for one scale an output channel.
        hqq: half-quadratic quantisation of the weights.
        symmetric: symmetric instead of MNN's default asymmetric weights.
        calibrated: full int8 by mnnquant, calibrated on samples; excludes the others.
        keep_float: layers that stay float beside `bits` or `calibrated`, by their names in the .mnn file; sorted.
        rewrites: what was done to the graph, names from `REWRITES`; sorted.
    """

    half: bool = False
    bits: int | None = None
    block: int | None = None
    hqq: bool = False
    symmetric: bool = False
    calibrated: bool = False
    keep_float: tuple[str, ...] = ()
    rewrites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Weights are keys: the order in which somebody wrote the names must not matter.
        for name in ("keep_float", "rewrites"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    @property
    def flags(self) -> tuple[str, ...]:
        """Converter flags, but for `keep_float`, which travels in a file (see `harness.models.kept_float`).

        Booleans take the form `--flag=1`: without a value MNN reads them as false.
        """
        flags = ["--fp16"] if self.half else []
        if self.bits is not None:
            flags += ["--weightQuantBits", str(self.bits)]
            flags += ["--weightQuantAsymmetric=0"] if self.symmetric else []
        if self.block is not None:
            flags += ["--weightQuantBlock", str(self.block)]
        if self.hqq:
            flags.append("--hqq=1")
        return tuple(flags)

    @property
    def is_quantised(self) -> bool:
        """Whether weights are stored in 8 bits or fewer."""
        return self.bits is not None or self.calibrated

    @property
    def stored_as(self) -> str:
        """A name for the report: float32, float16, int8, int8/block32, `int8, 3 layers float`, ... ."""
        kept = len(self.keep_float)
        layers = [f"{kept} layer{'s' if kept > 1 else ''} float"] if kept else []
        return ", ".join([self._numbers, *layers, *self.rewrites])

    @property
    def _numbers(self) -> str:
        if self.calibrated:
            return "int8 (calibrated)"
        if self.bits is not None:
            return f"int{self.bits}" + (f"/block{self.block}" if self.block else "")
        return "float16" if self.half else "float32"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a model that runs as a module of its own, cut out at tensors of the .mnn file.

    Attributes:
        inputs: names of the tensors that it is fed: the model's input, or outputs of segments before it.
        outputs: names of the tensors that it hands on; the last segment's are the model's own.
        compute: its arithmetic, fp32 or fp16.
        share: its share (0..1) of the model's multiply-adds; None where nobody counted.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    compute: Compute
    share: float | None = None


@dataclass(frozen=True, slots=True)
class MixedPlan:
    """Which parts of one model run in which arithmetic; `model` is the sha256 of the file that it was made for."""

    model: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Precision:
    """What a column of the matrix asks for.

    Attributes:
        hints: sorted (name, value) pairs, names from `HINTS`.
        plans: of mixed precision, one a model. MNN has no precision an operator, so each part of a model is a module
            of its own.
        segments: the parts of the one model that this is about, in the order in which they run (see `on`); empty
            where the whole model runs as one.
    """

    name: str
    weights: Weights = field(default_factory=Weights)
    compute: Compute = Compute.FP32
    memory: Memory = Memory.NORMAL
    backend: Backend = Backend.CPU
    hints: tuple[tuple[str, int], ...] = ()
    plans: tuple[MixedPlan, ...] = ()
    segments: tuple[Segment, ...] = ()

    def on(self, model: str) -> "Precision | None":
        """Return what this precision is on one model, by its sha256; None: mixed, without a plan for that model."""
        if not self.plans:
            return self
        found = next((plan for plan in self.plans if plan.model == model), None)
        return None if found is None else replace(self, plans=(), segments=found.segments)

    @property
    def half_share(self) -> float | None:
        """Share (0..1) of the multiply-adds for which fp16 is asked; None where its segments do not tell."""
        if not self.segments:
            return 1.0 if self.compute is Compute.FP16 else 0.0
        shares = [one.share for one in self.segments]
        if None in shares:
            return None
        return sum(one.share or 0.0 for one in self.segments if one.compute is Compute.FP16)

    @property
    def is_reduced(self) -> bool:
        """Whether the run-time arithmetic asked for is narrower than fp32."""
        return self.compute is not Compute.FP32

    @property
    def uses_int8_compute(self) -> bool:
        """Whether int8 multiplication is asked for (low memory on quantised weights, or calibrated int8)."""
        return self.weights.calibrated or (self.weights.bits is not None and self.memory is Memory.LOW)

    def runtime(self, threads: int) -> RuntimeConfig:
        """Return MNN's run-time configuration, integers only."""
        return {
            "backend": self.backend.mnn,
            "numThread": threads,
            "precision": self.compute.mnn,
            "memory": self.memory.mnn,
            "power": 0,
        }

    @property
    def hint_numbers(self) -> tuple[tuple[int, int], ...]:
        """The hints as the (number, value) pairs that `set_hint` takes."""
        return tuple((HINTS[name], value) for name, value in self.hints)


_W8 = Weights(bits=8)
_W8_BLOCK = Weights(bits=8, block=32)
_W4_BLOCK = Weights(bits=4, block=32)

CATALOGUE: Final = MappingProxyType(
    {
        precision.name: precision
        for precision in (
            Precision("fp32"),
            Precision("fp16", compute=Compute.FP16),
            Precision("bf16", compute=Compute.BF16),
            Precision("fp16-weights", Weights(half=True)),
            Precision("fp16-full", Weights(half=True), Compute.FP16),
            Precision("w8", _W8),
            Precision("w8-lowmem", _W8, memory=Memory.LOW),
            Precision("w8-block32-lowmem", _W8_BLOCK, memory=Memory.LOW),
            Precision("w4-block32-lowmem", _W4_BLOCK, memory=Memory.LOW),
            Precision("int8", Weights(calibrated=True)),
        )
    }
)
"""The precisions that have a name, by name, in the order in which the report shows them."""

MIXED: Final = Precision("mixed", compute=Compute.FP16)
"""fp16 with the sensitive parts of each model in fp32; which parts is searched on the devices before a run."""
