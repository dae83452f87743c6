"""What really ran, against what was asked for.

A precision that did not take effect must never be shown as a pass of that precision, so `in_effect` is
True or False only where the proofs of `harness.judge.readings` settle it.
"""

from collections.abc import Sequence

from harness.evidence import Probe
from harness.judge.findings import UNKNOWN, not_run, open_question, partly, settled
from harness.judge.int8_effective import calibrated, low_memory, without_int8
from harness.judge.mixed_effective import mixed
from harness.judge.readings import Arithmetic, float_arithmetic, half_share, values
from harness.precision import Backend, Compute, Precision
from harness.results import Effective


def effective(precision: Precision, probe: Probe | None, isa: Sequence[str], machine: str) -> Effective:
    """Say what ran.

    Args:
        precision: what was asked for.
        probe: what one sample told, None where it was not taken (then nothing is proven).
        isa: the device's instruction set extensions (fp16, dot, ...).
        machine: the device's `uname -m`.

    Raises:
        FarmError: output-mismatch or evidence-missing, of a precision with segments: see `mixed_effective`.
    """
    weights = precision.weights.stored_as
    if probe is None:
        return Effective(weights=weights, compute=UNKNOWN, note="what ran was not probed")
    if precision.backend is not Backend.CPU:
        return _accelerator(precision, probe)
    if precision.uses_int8_compute:
        arithmetic = float_arithmetic(without_int8(probe), isa, machine)
        judge = calibrated if precision.weights.calibrated else low_memory
        return judge(precision, probe, arithmetic)
    arithmetic = float_arithmetic(probe, isa, machine)
    if precision.segments:
        return mixed(precision, probe, arithmetic)
    if precision.is_reduced:
        return _reduced(precision, probe, arithmetic)
    return _full(weights, probe, arithmetic)


def _reduced(precision: Precision, probe: Probe, arithmetic: Arithmetic) -> Effective:
    """Narrow float arithmetic was asked for (fp16, bf16)."""
    weights, asked = precision.weights.stored_as, precision.compute
    if arithmetic.compute is Compute.FP32:
        note, share = not_run(asked, arithmetic), _half(probe)
        return settled(weights, "fp32", arithmetic.for_full, in_effect=False, note=note, share=share)
    if arithmetic.compute is asked:
        found = settled(weights, asked.value, arithmetic.for_half, in_effect=True, share=_half(probe))
        return found.model_copy(update={"fallbacks": probe.full_operators})
    if arithmetic.partly and asked is Compute.FP16:
        fallbacks, share = probe.full_operators, half_share(probe)
        return partly(weights, "fp16+fp32", arithmetic.for_half, share=share, fallbacks=fallbacks, into="fp32")
    if arithmetic.compute is Compute.FP16 or arithmetic.partly:
        # bfloat16 values survive the float16 round trip too, and both report the same backend.
        return open_question(weights, arithmetic, note="the proofs cannot tell bf16 from fp16")
    return open_question(weights, arithmetic)


def _full(weights: str, probe: Probe, arithmetic: Arithmetic) -> Effective:
    """fp32 arithmetic was asked for. What the file holds is another question: see `harness.judge.variant_file`."""
    half = _half(probe)
    share = None if half is None else 1 - half
    if arithmetic.compute is Compute.FP32:
        return settled(weights, "fp32", arithmetic.for_full, in_effect=True, share=share)
    if arithmetic.compute is Compute.FP16:
        note = "fp32 was not in effect: the device ran fp16"
        return settled(weights, "fp16", arithmetic.for_half, in_effect=False, note=note, share=share)
    note = "a part ran as fp16 where fp32 was asked for" if arithmetic.partly else ""
    return open_question(weights, arithmetic, note=note)


def _half(probe: Probe) -> float | None:
    """Return the share of the multiply-adds that ran as fp16 by their values; None where they say nothing."""
    shown = values(probe)
    return None if shown is None else half_share(probe)


def _accelerator(precision: Precision, probe: Probe) -> Effective:
    """Any backend but the CPU: only its absence can be proven so far."""
    weights, seen = precision.weights.stored_as, probe.session_backend
    if probe.session_equals_module and seen is not None and seen != precision.backend.mnn:
        note = f"{precision.backend} was not in effect: the session ran on backend {seen}"
        return settled(weights, UNKNOWN, ("backend",), in_effect=False, note=note)
    note = f"nothing but the engine's word says that {precision.backend} ran"
    return Effective(weights=weights, compute=UNKNOWN, note=note)
