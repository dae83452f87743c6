"""What really ran, against what was asked for.

A precision that did not take effect must never be shown as a pass of that precision, so `in_effect` is
True or False only where the proofs of `harness.judge.readings` settle it.
"""

from collections.abc import Sequence

from harness.evidence import Probe
from harness.judge.readings import Arithmetic, float_arithmetic
from harness.precision import Backend, Compute, Precision
from harness.results import Effective

_UNKNOWN = "unknown"


def effective(precision: Precision, probe: Probe | None, isa: Sequence[str], machine: str) -> Effective:
    """Say what ran.

    Args:
        precision: what was asked for.
        probe: what one sample told, None where it was not taken (then nothing is proven).
        isa: the device's instruction set extensions (fp16, dot, ...).
        machine: the device's `uname -m`.
    """
    weights = precision.weights.stored_as
    if probe is None:
        return Effective(weights=weights, compute=_UNKNOWN, note="what ran was not probed")
    if precision.backend is not Backend.CPU:
        return _accelerator(precision, probe)
    if precision.weights.calibrated:
        note = "by the operators in the file; whether the device ran them as int8 was not probed"
        return Effective(weights=weights, compute="int8", proof=("file",), in_effect=True, note=note)
    arithmetic = float_arithmetic(probe, isa, machine)
    if precision.uses_int8_compute:
        return _low_memory(precision, probe, arithmetic)
    if precision.is_reduced:
        return _reduced(precision, arithmetic)
    return _full(weights, arithmetic)


def worth_measuring(precision: Precision, effective: Effective) -> bool:
    """Tell whether a cell deserves more than the one sample that was probed.

    A precision that is known not to be in effect has its answer already; one that is merely
    unproven is measured, since its numbers may be wanted when the proof is found.
    """
    del precision  # the same rule for all of them so far; kept for rules that depend on it
    return effective.in_effect is not False


def _reduced(precision: Precision, arithmetic: Arithmetic) -> Effective:
    """Narrow float arithmetic was asked for (fp16, bf16)."""
    weights, asked = precision.weights.stored_as, precision.compute
    if arithmetic.compute is Compute.FP32:
        note = f"{asked} was not in effect: {_because(arithmetic)}"
        return _settled(weights, "fp32", arithmetic.for_full, in_effect=False, note=note)
    if arithmetic.compute is asked:
        return _settled(weights, asked.value, arithmetic.for_half, in_effect=True)
    if arithmetic.compute is Compute.FP16:
        # bfloat16 values survive the float16 round trip too, and both report the same backend.
        return _open(weights, arithmetic, note="the proofs cannot tell bf16 from fp16")
    return _open(weights, arithmetic)


def _full(weights: str, arithmetic: Arithmetic) -> Effective:
    """fp32 arithmetic was asked for; reduced weights are in effect as soon as the file holds them."""
    stored = () if weights == "float32" else ("file",)
    if arithmetic.compute is Compute.FP32:
        return _settled(weights, "fp32", (*stored, *arithmetic.for_full), in_effect=True)
    if arithmetic.compute is Compute.FP16:
        note = "fp32 was not in effect: the device ran fp16"
        return _settled(weights, "fp16", arithmetic.for_half, in_effect=False, note=note)
    found = _open(weights, arithmetic)
    if stored and not arithmetic.for_half:
        return found.model_copy(update={"in_effect": True, "proof": (*stored, *found.proof)})
    return found


def _low_memory(precision: Precision, probe: Probe, arithmetic: Arithmetic) -> Effective:
    """Int8 multiplication was asked for: proven by differing from the same file, dequantised."""
    weights = precision.weights.stored_as
    if probe.equals_high:
        note = "low memory was not in effect: equal to the bit to the same file with weights dequantised"
        return _settled(weights, "fp32", arithmetic.for_full, in_effect=False, note=note)
    if precision.is_reduced:
        return _low_memory_reduced(weights, precision.compute, arithmetic)
    if probe.equals_high is None:
        return _open(weights, arithmetic, note="not compared with the same file at memory normal")
    if arithmetic.for_half:
        return _open(weights, arithmetic, note=arithmetic.note or "the device ran fp16 where fp32 was asked for")
    return _settled(weights, "int8+fp32", ("differs-from-dequantised", *arithmetic.for_full), in_effect=True)


def _low_memory_reduced(weights: str, asked: Compute, arithmetic: Arithmetic) -> Effective:
    """Int8 multiplication and narrow floats: differing from precision high does not say which of them did it."""
    if arithmetic.compute is Compute.FP32:
        note = f"{asked} was not in effect: {_because(arithmetic)}; whether int8 multiplication ran is not known"
        return _settled(weights, "fp32", arithmetic.for_full, in_effect=False, note=note)
    return _open(weights, arithmetic, note=arithmetic.note or "nothing shows that int8 multiplication ran")


def _accelerator(precision: Precision, probe: Probe) -> Effective:
    """Any backend but the CPU: only its absence can be proven so far."""
    weights, seen = precision.weights.stored_as, probe.session_backend
    if probe.session_equals_module and seen is not None and seen != precision.backend.mnn:
        note = f"{precision.backend} was not in effect: the session ran on backend {seen}"
        return _settled(weights, _UNKNOWN, ("backend",), in_effect=False, note=note)
    note = f"nothing but the engine's word says that {precision.backend} ran"
    return Effective(weights=weights, compute=_UNKNOWN, note=note)


def _because(arithmetic: Arithmetic) -> str:
    words = {
        "backend": "the engine chose its fp32 backend",
        "values": "intermediate values are not float16",
        "isa": "the device has no fp16 instructions",
        "equals-fp32": "the output equals that of fp32 to the bit",
    }
    return ", ".join(words[name] for name in arithmetic.for_full)


def _settled(weights: str, compute: str, proof: tuple[str, ...], *, in_effect: bool, note: str = "") -> Effective:
    return Effective(weights=weights, compute=compute, proof=proof, proven=True, in_effect=in_effect, note=note)


def _open(weights: str, arithmetic: Arithmetic, note: str = "") -> Effective:
    compute = "fp16+fp32" if arithmetic.for_half else _UNKNOWN
    proof = (*arithmetic.for_half, *arithmetic.for_full)
    return Effective(weights=weights, compute=compute, proof=proof, note=note or arithmetic.note)
