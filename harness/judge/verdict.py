"""One cell: from its evidence to a result that says what it means, and never more than the evidence does."""

from dataclasses import dataclass, replace

from harness.errors import Code, FarmError, Problem
from harness.evidence import CellEvidence, CellKey, Failure, RawTiming
from harness.judge.condition import condition
from harness.judge.effective import effective
from harness.judge.flips import flips
from harness.judge.metrics import measure
from harness.judge.numeric import numeric
from harness.judge.rules import Ruling, rule, schedule
from harness.judge.shapes import Outputs
from harness.judge.stored import DeviceRecord, ModelRecord, OutputLoader
from harness.judge.timing import summarise, unusable
from harness.judge.variant_file import beside_its_file
from harness.precision import Precision
from harness.results import Cause, CellResult, Effective, Metrics, Status, Steady, Thresholds, Timing, Verdict

_NO_REFERENCE = "there is no reference to judge by"
_STOPPED = "stopped after one sample, but the precision may have been in effect"


@dataclass(frozen=True, slots=True)
class Court:
    """What a cell is judged with; the same for every cell of one device, model and precision."""

    precision: Precision
    device: DeviceRecord
    model: ModelRecord
    outputs: OutputLoader
    thresholds: Thresholds
    confidence: float
    batch: int


def judge_cell(key: CellKey, evidence: CellEvidence | None, court: Court) -> CellResult:
    """Judge one cell.

    In this order: no evidence yet, a failure, not run at all, evidence that is missing or does not fit
    (ERROR), a precision that was not in effect (N/A), non-finite outputs (FAIL), then the thresholds. Missing
    evidence is never a pass.

    Where what ran is not proven, a loss that the thresholds are certain of is a FAIL all the same: whoever asks this
    device for this precision gets these answers, whatever ran. A pass claims that the precision keeps the accuracy,
    so that needs the proof, and without it everything but a FAIL is INCONCLUSIVE.
    """
    if evidence is None:
        return _absent(key, court)
    if evidence.failure is not None:
        return failed(key, evidence.failure, evidence)
    if evidence.unsupported is not None:
        reason = evidence.unsupported or "not supported"
        return CellResult(key=key, status=Status.UNSUPPORTED, verdict=Verdict.NA, reason=reason)
    try:
        return _measured(key, evidence, court)
    except FarmError as error:
        return failed(key, Failure.of(error.problem), evidence)


def failed(key: CellKey, failure: Failure, evidence: CellEvidence | None = None) -> CellResult:
    """Return the result of a cell that could not be measured."""
    variant = evidence.variant if evidence else None
    return CellResult(
        key=key,
        status=Status.ERROR,
        verdict=Verdict.ERROR,
        reason=failure.message or str(failure.code),
        failure=failure,
        variant=variant,
    )


def _absent(key: CellKey, court: Court) -> CellResult:
    known = court.model.failure or (court.device.evidence.failure if court.device.evidence else None)
    if known is not None:
        return failed(key, known)
    problem = Problem(Code.INTERRUPTED, "not measured yet")
    return failed(key, Failure.of(problem)).model_copy(update={"status": Status.PENDING})


def _measured(key: CellKey, evidence: CellEvidence, court: Court) -> CellResult:
    outputs = _outputs(key, evidence, court)
    reference = court.model.reference
    metrics = measure(
        reference=reference,
        outputs=outputs,
        labels=court.model.labels,
        looks=_looks(evidence, court),
        thresholds=court.thresholds,
        confidence=court.confidence,
    )
    ran = effective(court.precision, evidence.probe, court.device.isa, court.device.machine)
    ran = beside_its_file(ran, court.model, court.precision)
    timing, remark = _timing(evidence.timing, emulated=court.device.emulated, limits=court.device.steady)
    ruling = _rule(metrics, ran, evidence, court, outputs)
    return CellResult(
        key=key,
        status=Status.MEASURED,
        verdict=ruling.verdict,
        cause=ruling.cause,
        reason="; ".join(filter(None, (ruling.reason, remark))),
        effective=ran,
        metrics=metrics,
        timing=timing,
        variant=evidence.variant,
        certainty=ruling.certainty,
        flips=() if reference is None else flips(reference=reference, outputs=outputs, labels=court.model.labels),
        numeric=numeric(metrics=metrics, thresholds=court.thresholds),
        condition=condition(evidence),
    )


def _outputs(key: CellKey, evidence: CellEvidence, court: Court) -> Outputs:
    """Load the outputs after checking that they are what they are said to be."""
    model = court.model
    if model.failure is not None:
        raise FarmError(model.failure.code, model.failure.message, model.failure.advice)
    if evidence.key != key:
        raise FarmError(Code.EVIDENCE_MISSING, f"the evidence kept for this cell is that of {evidence.key}")
    if evidence.outputs is None or evidence.images < 1:
        raise FarmError(Code.EVIDENCE_MISSING, "no outputs were kept")
    if model.result.labelled != (model.labels is not None):
        raise FarmError(Code.EVIDENCE_MISSING, "the samples' labels are missing or were not announced")
    if model.output_name is not None and evidence.output_name not in (None, model.output_name):
        message = f"the device answers '{evidence.output_name}', the reference '{model.output_name}'"
        raise FarmError(Code.OUTPUT_MISMATCH, message)
    if evidence.timing is not None and not evidence.timing.output_unchanged:
        raise FarmError(Code.INFERENCE_FAILED, "output changed while timing: equal inputs gave other outputs")
    outputs = court.outputs(evidence.outputs)
    if outputs.ndim < 1 or len(outputs) != evidence.images:
        message = f"{evidence.images} images were answered, the stored outputs have shape {outputs.shape}"
        raise FarmError(Code.EVIDENCE_MISSING, message)
    return outputs


def _rule(metrics: Metrics, ran: Effective, evidence: CellEvidence, court: Court, outputs: Outputs) -> Ruling:
    broken = f"{metrics.nonfinite} of {metrics.images} images have outputs that are not finite"
    if ran.in_effect is False:
        reason = f"ran as {ran.compute}: {ran.note}"
        return Ruling(Verdict.NA, f"{reason}; {broken}" if metrics.nonfinite else reason)
    if metrics.nonfinite:
        return Ruling(Verdict.FAIL, broken, Cause.NON_FINITE)
    unproven = f"what ran is not proven: {ran.note}" if ran.in_effect is None and _is_special(court.precision) else ""
    reference = court.model.reference
    if evidence.stopped_early or reference is None:
        return Ruling(Verdict.INCONCLUSIVE, unproven or (_NO_REFERENCE if reference is None else _STOPPED))
    found = rule(
        reference=reference,
        outputs=outputs,
        labels=court.model.labels,
        looks=_looks(evidence, court),
        thresholds=court.thresholds,
        confidence=court.confidence,
    )
    if not unproven:
        return found
    lost = found.verdict is Verdict.FAIL
    return replace(found, reason=f"{found.reason}; {unproven}") if lost else Ruling(Verdict.INCONCLUSIVE, unproven)


def _looks(evidence: CellEvidence, court: Court) -> tuple[int, ...]:
    return schedule(evidence.looks, images=evidence.images, batch=court.batch)


def _is_special(precision: Precision) -> bool:
    """Tell whether anything but plain fp32 was asked for, so that a pass would claim something."""
    asked = Precision(precision.name, hints=precision.hints)
    return precision != asked


def _timing(raw: RawTiming | None, *, emulated: bool, limits: Steady) -> tuple[Timing | None, str]:
    if raw is None:
        return None, ""
    if problem := unusable(raw):
        return None, f"timing left out: {problem}"
    return summarise(raw, emulated=emulated, limits=limits), ""
