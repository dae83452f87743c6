"""What the one-sample probe says about the float arithmetic that ran, proof by proof.

No single proof is enough: the last operator may run in fp32 inside an fp16 run, AVX2 machines always report
the fp16 backend, and an fp16 backend may hold fp32 convolutions. So each proof is read on its own here
and `float_arithmetic` says what they have in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from harness.agent import MOST_OPERATORS
from harness.evidence import Probe
from harness.precision import Compute

MOSTLY = 0.9
"""From this share of the multiply-adds on, values count as float16 (EfficientViT-B0 on a cortex-a76: all)."""

HARDLY = 0.1
"""Up to this share, values count as not float16 (EfficientViT-B0 in fp32: none; zeros survive anyway)."""

LIKE_HALF = (0.4, 0.65)
"""Memory next to the same file's at precision high that speaks for fp16 (EfficientViT-B0 on a cortex-a76: 0.51)."""

LIKE_FULL = 0.9
"""From this on it speaks for fp32 (a64fx with memory low, whose convolutions are fp32: 0.98)."""

_UNACCOUNTED = 0.02

_BACKENDS: Final[Mapping[int | None, Compute]] = MappingProxyType({13: Compute.FP16, 0: Compute.FP32})
_ARM = frozenset({"aarch64", "arm64", "armv8l"})


class Values(StrEnum):
    """How many intermediate values survive a float16 round trip, next to the same file at precision high."""

    HALF = "half"
    PARTLY = "partly"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The float arithmetic that ran.

    Attributes:
        compute: fp16 or fp32 where the proofs settle it, else None.
        partly: they settle that a part ran as fp16 and which operators did not; `for_half` proves it then.
        for_half: names of the proofs that speak for fp16.
        for_full: names of the proofs that speak for fp32.
        note: why it is not settled, as a clause.
    """

    compute: Compute | None
    for_half: tuple[str, ...]
    for_full: tuple[str, ...]
    note: str = ""
    partly: bool = False


def is_arm(machine: str) -> bool:
    """Tell whether `uname -m` names a machine on which the backend probe means something."""
    return machine.lower() in _ARM


def backend(probe: Probe, machine: str) -> Compute | None:
    """Read the backend probe: None where it says nothing (x86, or a session unlike the module)."""
    if not is_arm(machine) or not probe.session_equals_module:
        return None
    return _BACKENDS.get(probe.session_backend)


def half_share(probe: Probe) -> float:
    """Return the share (0..1) of float16 values: of the multiply-adds where known, else of the tensors."""
    if probe.half_flops_share is not None:
        return probe.half_flops_share
    return probe.half_tensors / probe.tensors if probe.tensors else 0.0


def values(probe: Probe) -> Values | None:
    """Read the value probe: None where no tensor was seen, or the control run shows as many."""
    if not probe.session_equals_module or probe.tensors < 1:
        return None
    share = half_share(probe)
    control = probe.half_tensors_high or 0
    if share >= MOSTLY:
        return Values.HALF if probe.half_tensors > control else None
    excess = (probe.half_tensors - control) / probe.tensors
    return Values.FULL if share <= HARDLY and excess <= HARDLY else Values.PARTLY


def memory(probe: Probe) -> Compute | None:
    """Read the memory figures: None where there are none to compare, or they fit neither arithmetic."""
    own, high = probe.session_memory_mb, probe.session_memory_mb_high
    if not probe.session_equals_module or own is None or not high:
        return None
    least, most = LIKE_HALF
    if least <= own / high <= most:
        return Compute.FP16
    return Compute.FP32 if own / high >= LIKE_FULL else None


def float_arithmetic(probe: Probe, isa: Sequence[str], machine: str) -> Arithmetic:
    """Combine backend, values, memory, instruction set and identity with fp32.

    fp16 needs backend and values, and nothing against it. fp32 needs two proofs and nothing against it; where
    the backend says nothing, the values alone do; identity with fp32 to the bit always does. Partly fp16 needs the
    backend, values that are partly float16, and the names of the operators whose values are not.
    """
    says, shows, weighs = backend(probe, machine), values(probe), memory(probe)
    half = _names(
        {
            "backend": says is Compute.FP16,
            "values": shows is Values.HALF,
            "memory": weighs is Compute.FP16,
        }
    )
    full = _names(
        {
            "backend": says is Compute.FP32,
            "values": shows is Values.FULL,
            "memory": weighs is Compute.FP32,
            "isa": is_arm(machine) and "fp16" not in isa,
            "equals-fp32": probe.equals_high is True,
        }
    )
    if {"backend", "values"} <= set(half) and not full:
        return Arithmetic(Compute.FP16, half, full)
    enough = len(full) >= 2 or "equals-fp32" in full or (full == ("values",) and not is_arm(machine))
    if enough and not half:
        return Arithmetic(Compute.FP32, half, full)
    if says is Compute.FP16 and shows is Values.PARTLY and _accounted(probe) and _one_sided(probe, half, full):
        agreeing = ("memory",) if weighs else ()
        return Arithmetic(None, ("backend", "values", *agreeing), (), partly=True)
    return Arithmetic(None, half, full, _why_open(probe, half, full))


def _accounted(probe: Probe) -> bool:
    """Tell whether the operators named make up what is not float16."""
    left = 1 - half_share(probe) - sum(each.share for each in probe.full_operators)
    complete = len(probe.full_operators) < MOST_OPERATORS
    return left >= -_UNACCOUNTED and bool(probe.full_operators) and (left <= _UNACCOUNTED or not complete)


def _one_sided(probe: Probe, half: Sequence[str], full: Sequence[str]) -> bool:
    """Tell whether the memory figure goes with the larger part, and nothing else speaks for fp32 throughout."""
    mostly_half = half_share(probe) >= 0.5
    return not set(full) - {"memory"} and ("memory" not in full if mostly_half else "memory" not in half)


def _names(proofs: dict[str, bool]) -> tuple[str, ...]:
    return tuple(name for name, holds in proofs.items() if holds)


def _why_open(probe: Probe, half: Sequence[str], full: Sequence[str]) -> str:
    if probe.session_equals_module is None:
        return "the probed session is not known to compute what the measured module computes"
    if not probe.session_equals_module:
        return "the engine's session and its module answer the same input differently: one tells nothing of the other"
    share = f"{100 * half_share(probe):.0f} % of the multiply-adds have float16 results"
    if half and full:
        return f"the proofs disagree: {', '.join(half)} for fp16, {', '.join(full)} for fp32; {share}"
    if half and values(probe) is Values.PARTLY:
        return f"partly fp16: the engine chose its fp16 backend, but only {share}"
    if half or full:
        return f"one proof alone, {', '.join([*half, *full])}, for {'fp16' if half else 'fp32'}; {share}"
    return f"no proof speaks for either arithmetic; {share}"
