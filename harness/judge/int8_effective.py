"""Whether int8 multiplication ran, where weights-only quantisation with memory low or calibrated int8 asks for it.

Memory low quantises the input of each dense convolution while it runs. That is shown by convolutions that ignore
what rounding takes away (`harness.agent.absorption`); an output that merely differs from that of the dequantised
file shows nothing by itself, for another order of adding does that too. Depthwise convolutions and products of
activations have no int8 kernels there, so the precision is in effect as far as dense convolutions are int8.

Calibrated int8 is shown by kernels that the engine says are int8, and outputs that lie on at most 256 levels.
"""

from harness.evidence import Probe
from harness.judge.findings import not_run, open_question, partly, percent, settled
from harness.judge.readings import HARDLY, MOSTLY, Arithmetic
from harness.precision import Compute, Precision
from harness.results import Effective

_SMALLER = 0.9
"""Up to this share of the memory at precision high, memory normal, the weights were not dequantised."""

_DENSE = ("Convolution", "Deconvolution")


def without_int8(probe: Probe) -> Probe:
    """Return the probe as the operators that did not multiply int8 numbers alone would have it.

    An int8 convolution may hand on float32 in an fp16 run (a64fx does), and weights that stay int8 change the
    memory figure, so neither says anything of the float arithmetic.
    """
    update: dict[str, object] = {"session_memory_mb_high": None}
    if probe.half_rest_share is not None:
        update["half_flops_share"] = probe.half_rest_share
    return probe.model_copy(update=update)


def low_memory(precision: Precision, probe: Probe, arithmetic: Arithmetic) -> Effective:
    """Judge quantised weights with memory low; `arithmetic` is that of `without_int8`."""
    weights = precision.weights.stored_as
    share = probe.int8_share if probe.session_equals_module else None
    if probe.equals_high and not share:
        note = "low memory was not in effect: equal to the bit to the same file with weights dequantised"
        return settled(weights, "fp32", arithmetic.for_full, in_effect=False, note=note, share=share)
    if floats := _floats_astray(precision, share, arithmetic):
        return floats
    if share is not None and probe.equals_high is False:
        return _by_rounding(precision, probe, share, _float_proofs(arithmetic))
    if probe.equals_high:
        note = "the proofs disagree: ignores-rounding for int8 multiplication, equals-fp32 against it"
    elif share is not None:
        note = "not compared with the same file at memory normal"
    else:
        note = arithmetic.note or "nothing shows that int8 multiplication ran: rounding was not probed"
    return open_question(weights, arithmetic, note=note)


def _by_rounding(precision: Precision, probe: Probe, share: float, floats: tuple[str, ...]) -> Effective:
    """Judge by the convolutions that ignore rounding; `floats` prove the arithmetic of the rest."""
    weights, rest, fallbacks = precision.weights.stored_as, _rest(precision), probe.float_operators
    if share == 0:
        note = "low memory was not in effect: no convolution rounds its input to int8"
        return settled(weights, rest, ("heeds-rounding", *floats), in_effect=False, note=note, share=share)
    # fp16 differs from fp32 and takes less memory as well, so there neither shows anything of int8.
    more = () if precision.is_reduced else ("differs-from-dequantised", *_memory(probe))
    proof = ("ignores-rounding", *more, *floats)
    if _dense_in_float(precision, probe, share) > HARDLY:
        return partly(weights, f"int8+{rest}", proof, share=share, fallbacks=fallbacks, into=rest)
    dense = "the dense convolutions" + (" that were not to stay float" if precision.weights.keep_float else "")
    note = f"{percent(share)} of the multiply-adds multiplied int8 numbers, with {dense} among them"
    found = settled(weights, f"int8+{rest}", proof, in_effect=True, note=note, share=share)
    return found.model_copy(update={"fallbacks": fallbacks})


def calibrated(precision: Precision, probe: Probe, arithmetic: Arithmetic) -> Effective:
    """Judge a file of int8 operators; `arithmetic` is that of `without_int8`."""
    weights = precision.weights.stored_as
    typed, share = probe.int8_typed_share, probe.int8_share
    if not probe.session_equals_module or typed is None or share is None:
        unprobed = "asked for by the operators in the file; whether the device ran them as int8 was not probed"
        return _open(weights, unprobed if typed is None else arithmetic.note)
    if floats := _floats_astray(precision, share, arithmetic):
        return floats
    if abs(typed - share) > HARDLY:
        note = (
            f"the proofs disagree: the engine says that {percent(typed)} of the multiply-adds are int8 kernels, "
            f"the outputs of {percent(share)} lie on 256 levels"
        )
        return _open(weights, note)
    proof = ("operators", "levels", *_float_proofs(arithmetic))
    if share == 0:
        note = "int8 was not in effect: the engine ran none of the operators as int8"
        return settled(weights, _rest(precision), proof, in_effect=False, note=note, share=0.0)
    if share + _kept_float(precision, probe) < MOSTLY:
        compute, fallbacks = f"int8+{_rest(precision)}", probe.float_operators
        return partly(weights, compute, proof, share=share, fallbacks=fallbacks, into=_rest(precision))
    found = settled(weights, "int8", proof, in_effect=True, share=share)
    return found.model_copy(update={"fallbacks": probe.float_operators})


def _open(weights: str, note: str) -> Effective:
    return Effective(weights=weights, compute="int8", note=note)


def _rest(precision: Precision) -> str:
    return precision.compute.value


def _float_proofs(arithmetic: Arithmetic) -> tuple[str, ...]:
    return arithmetic.for_half or arithmetic.for_full


def _floats_astray(precision: Precision, share: float | None, arithmetic: Arithmetic) -> Effective | None:
    """Return the finding where the operators that are not int8 did not run as asked, or nothing proves that."""
    weights, asked = precision.weights.stored_as, precision.compute
    if not precision.is_reduced:
        if not arithmetic.for_half:
            return None
        note = arithmetic.note or "the device ran fp16 where fp32 was asked for"
        return open_question(weights, arithmetic, note=note)
    if arithmetic.compute is Compute.FP32:
        known = f"int8 multiplication ran in {percent(share)} of the multiply-adds" if share is not None else ""
        note = f"{not_run(asked, arithmetic)}; {known or 'whether int8 multiplication ran is not known'}"
        compute = "int8+fp32" if share else "fp32"
        return settled(weights, compute, arithmetic.for_full, in_effect=False, note=note)
    if arithmetic.compute is asked:
        return None
    unclear = "the proofs cannot tell bf16 from fp16" if arithmetic.compute else arithmetic.note
    return open_question(weights, arithmetic, note=unclear or "nothing shows which floats the rest ran in")


def _dense_in_float(precision: Precision, probe: Probe, share: float) -> float:
    """Return the share of dense convolutions in floats that was not asked for; what is not named may be one."""
    hidden = max(0.0, 1 - share - sum(each.share for each in probe.float_operators))
    astray = [each for each in probe.float_operators if each.name not in precision.weights.keep_float]
    return hidden + sum(each.share for each in astray if each.type in _DENSE)


def _kept_float(precision: Precision, probe: Probe) -> float:
    return sum(each.share for each in probe.float_operators if each.name in precision.weights.keep_float)


def _memory(probe: Probe) -> tuple[str, ...]:
    own, high = probe.session_memory_mb, probe.session_memory_mb_high
    return ("memory",) if own is not None and high and own / high <= _SMALLER else ()
