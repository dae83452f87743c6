"""Whether mixed precision ran: whether the chain of parts is the model, and which of its parts ran in fp16.

MNN has no precision an operator, so a model in mixed precision runs as a chain of modules. Three things are asked.
Does the chain, all of it in fp32, compute what the whole model computes? A tensor that crosses a cut in the wrong
layout gives other numbers without a word. Does the device have fp16 for this file at all? That is shown by the whole
model at precision low, with the proofs of `harness.judge.readings`. And does each fp16 part answer otherwise than it
does in fp32, on the inputs that it really got?
"""

from harness.errors import Code, FarmError
from harness.evidence import ChainProbe, Probe, SegmentProbe
from harness.judge.findings import not_run, open_question, settled
from harness.judge.readings import Arithmetic
from harness.precision import Compute, Precision
from harness.results import Effective, Extent

LARGEST_ERROR = 1e-4
"""Relative L2 up to which a chain in fp32 is the model: fp32 in another order of summation stays below (`mnn.md`
calls it 1e-4 between engines); a tensor in the wrong layout gives 0.1 and more."""

_ADVICE = "Cut the model at other tensors: `farm remedy` looks for cuts at which it computes the same."


def mixed(precision: Precision, probe: Probe, arithmetic: Arithmetic) -> Effective:
    """Judge a precision with segments; `arithmetic` is that of the whole model at precision low.

    Raises:
        FarmError: output-mismatch, the chain is not the model; evidence-missing, parts were not probed.
    """
    weights, chain = precision.weights.stored_as, probe.chain
    if chain is None:
        return open_question(weights, arithmetic, note="the parts of the model were not probed")
    _refuse_other_model(precision, chain)
    if arithmetic.compute is Compute.FP32:
        note = not_run(Compute.FP16, arithmetic)
        return settled(weights, "fp32", arithmetic.for_full, in_effect=False, note=note, share=0.0)
    if arithmetic.compute is not Compute.FP16 and not arithmetic.partly:
        return open_question(weights, arithmetic)
    idle = [number for number, one in enumerate(_half(precision, chain), start=1) if one.equals_high]
    return _by_parts(precision, chain, idle, arithmetic)


def _refuse_other_model(precision: Precision, chain: ChainProbe) -> None:
    if len(chain.segments) != len(precision.segments):
        message = f"{len(chain.segments)} of {len(precision.segments)} parts of the model were probed"
        raise FarmError(Code.EVIDENCE_MISSING, message)
    if chain.error is None or not chain.error <= LARGEST_ERROR:
        far = "numbers that are not finite" if chain.error is None else f"relative L2 {chain.error:.2g}"
        message = f"cut there, the model does not compute in fp32 what it computes whole ({far})"
        raise FarmError(Code.OUTPUT_MISMATCH, message, _ADVICE)


def _half(precision: Precision, chain: ChainProbe) -> list[SegmentProbe]:
    pairs = zip(precision.segments, chain.segments, strict=True)
    return [probed for segment, probed in pairs if segment.compute is Compute.FP16]


def _by_parts(precision: Precision, chain: ChainProbe, idle: list[int], arithmetic: Arithmetic) -> Effective:
    weights, half = precision.weights.stored_as, _half(precision, chain)
    if len(idle) == len(half):
        note = "every fp16 part answers to the bit as in fp32"
        return settled(weights, "fp32", ("equals-fp32",), in_effect=False, note=note, share=0.0)
    rounded = ("part-values",) if all(one.half is not False for one in half if not one.equals_high) else ()
    proof = (*arithmetic.for_half, "parts-differ", *rounded)
    found = settled(weights, "fp16+fp32", proof, in_effect=True, share=precision.half_share)
    if not idle:
        return found
    numbers = ", ".join(map(str, idle))
    note = f"of the {len(half)} fp16 parts, number {numbers} answers to the bit as in fp32"
    return found.model_copy(update={"extent": Extent.PARTLY, "note": note})
