"""From planned cells to what lanes are asked to do."""

from collections.abc import Iterable
from dataclasses import replace

from harness.config.experiment import Experiment
from harness.dispatch.focus import WIDE, Focus
from harness.dispatch.jobs import CellJob
from harness.dispatch.prepare import Prepared, Subject
from harness.errors import Problem
from harness.evidence import CellEvidence, CellKey, Failure
from harness.fleet.client import Batch
from harness.models.variants import Variant
from harness.plan import PlannedCell
from harness.precision import Precision, Weights

_NO_PLAN = "there is no plan of mixed precision for this model; a plan names tensors and fits one model only"


def jobs(
    cells: Iterable[PlannedCell], prepared: Prepared, experiment: Experiment, focus: Focus = WIDE
) -> tuple[list[CellJob], list[CellEvidence]]:
    """Return what devices are to measure, and what is settled without asking any."""
    to_measure: list[CellJob] = []
    settled: list[CellEvidence] = []
    for cell in cells:
        variant = prepared.variants[cell.key.model, cell.precision.weights]
        precision = cell.precision.on(prepared.subjects[cell.key.model].source.sha256)
        if precision is None:
            settled.append(CellEvidence(key=cell.key, unsupported=_NO_PLAN))
        elif isinstance(variant, Variant):
            subject = prepared.subjects[cell.key.model]
            job = _job(cell.key, precision, subject, variant, experiment)
            to_measure.append(_looked_into(job, prepared, focus))
        elif isinstance(variant, Problem):
            settled.append(CellEvidence(key=cell.key, failure=Failure.of(variant)))
        else:
            settled.append(CellEvidence(key=cell.key, unsupported=variant))
    return to_measure, settled


def _job(key: CellKey, precision: Precision, subject: Subject, variant: Variant, experiment: Experiment) -> CellJob:
    samples = subject.samples
    return CellJob(
        key=key,
        precision=precision,
        variant=variant.sha256,
        input_name=variant.signature.input_name,
        output_name=variant.signature.output_name,
        batches=tuple(Batch(b.digest, b.count, samples.mean, samples.std) for b in subject.batches),
        warmup=experiment.timing.warmup,
        repeats=experiment.timing.repeats,
    )


def _looked_into(job: CellJob, prepared: Prepared, focus: Focus) -> CellJob:
    control = prepared.variants.get((job.key.model, Weights()))
    close_up = focus.on(job.key.precision)
    if close_up is None or not isinstance(control, Variant):
        return job
    return replace(job, close_up=close_up, control=control.sha256)
