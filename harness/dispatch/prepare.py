"""Everything that the coordinator makes before a device is asked: samples, references, variants, batches."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.config.experiment import Experiment, ModelEntry
from harness.dispatch.arrays import ArrayStore
from harness.dispatch.boundary import attempt
from harness.dispatch.focus import WIDE, Focus
from harness.dispatch.snapshot import HostNote, ModelNote
from harness.dispatch.stopping import Yardstick
from harness.errors import Problem
from harness.models import samples as sampling
from harness.models.golden import golden
from harness.models.host_runs import float16_floor, on_host
from harness.models.load_samples import load_samples
from harness.models.sample_warnings import answers_of, sample_warnings
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import Variant, make_variant, why_impossible
from harness.plan import Plan
from harness.precision import Compute, Memory, Weights
from harness.results import ModelResult

Stage = Callable[[str], None]
"""Hears, in words, what is being prepared."""

AsTask = Callable[..., np.typing.NDArray[np.float32]]
"""Runs a function somewhere with processors to spare and returns its result."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that was found to be usable, and what it is fed."""

    entry: ModelEntry
    source: ModelSource
    samples: SampleSet
    batches: tuple[sampling.Batch, ...]


@dataclass(slots=True)
class Prepared:
    """What came of it: for each model a reference, for each (model, weights) a file or the reason for none."""

    subjects: dict[str, Subject]
    references: dict[str, np.typing.NDArray[np.float32]] = field(default_factory=dict)
    variants: dict[tuple[str, Weights], Variant | Problem | str] = field(default_factory=dict)
    host: dict[tuple[str, Weights, Memory], np.typing.NDArray[np.float32]] = field(default_factory=dict)
    floors: dict[str, np.typing.NDArray[np.float32]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many variants were converted now, and how many were there already."""
        made = [variant.converted for variant in self.variants.values() if isinstance(variant, Variant)]
        return {"variants_converted": sum(made), "variants_cached": len(made) - sum(made)}

    def size(self, model: str, weights: Weights) -> int | None:
        """Return the size of a variant's file, bytes; None where there is none."""
        variant = self.variants.get((model, weights))
        return variant.size if isinstance(variant, Variant) else None

    def blobs(self) -> dict[str, bytes]:
        """Return every object that a device may need, by sha256."""
        files = {
            variant.sha256: variant.path.read_bytes()
            for variant in self.variants.values()
            if isinstance(variant, Variant)
        }
        parts = {batch.digest: batch.data for subject in self.subjects.values() for batch in subject.batches}
        return files | parts


def find_subjects(experiment: Experiment, focus: Focus = WIDE) -> dict[str, Subject]:
    """Look into every model and its samples, before anything is made or sent.

    Raises:
        InputError: bad-model or bad-samples.
    """
    return {entry.name: _subject(entry, experiment, focus) for entry in experiment.models}


def make(subjects: dict[str, Subject], plan: Plan, *, as_task: AsTask, stage: Stage) -> Prepared:
    """Make references and variants; what fails for one variant is kept as that variant's problem.

    Raises:
        FarmError: reference-failed; nothing could be judged without it.
    """
    prepared = Prepared(subjects)
    for name, subject in subjects.items():
        stage(f"reference of {name} on {len(subject.samples)} images (onnxruntime, fp32)")
        prepared.references[name] = as_task(golden, subject.source, subject.samples)
    # The fp32 file is always there: what other weights lose is counted from it.
    wanted = _wanted(plan) | {(name, Weights()) for name in subjects}
    for name, weights in sorted(wanted, key=lambda pair: (pair[0], pair[1].stored_as)):
        stage(f"variant of {name} with weights {weights.stored_as}")
        prepared.variants[name, weights] = _variant(subjects[name], weights)
    _run_here(prepared, plan, as_task=as_task, stage=stage)
    return prepared


def _run_here(prepared: Prepared, plan: Plan, *, as_task: AsTask, stage: Stage) -> None:
    """Make what tells where a loss comes from, and what the files hold. What cannot be made leaves that unknown."""
    wanted = {(cell.key.model, cell.precision.weights, cell.precision.memory) for cell in plan.cells}
    # At memory normal the weights alone make a difference: from the fp32 file, which is there whatever was asked for.
    wanted |= {(name, weights, Memory.NORMAL) for name, weights, _ in wanted}
    wanted |= {(name, Weights(), Memory.NORMAL) for name in prepared.subjects}
    for name, weights, memory in sorted(wanted, key=lambda one: (one[0], one[1].stored_as, one[2])):
        variant, samples = prepared.variants.get((name, weights)), prepared.subjects[name].samples
        if isinstance(variant, Variant):
            stage(f"{name} with weights {weights.stored_as}, memory {memory} on this machine")
            outputs = attempt(lambda v=variant, s=samples, m=memory: as_task(on_host, v, s, m))  # type: ignore[misc]
            if not isinstance(outputs, Problem):
                prepared.host[name, weights, memory] = outputs
    for name in sorted({cell.key.model for cell in plan.cells if cell.precision.compute is Compute.FP16}):
        stage(f"what float16 itself costs {name}")
        subject = prepared.subjects[name]
        floor = attempt(lambda s=subject: as_task(float16_floor, s.source, s.samples))  # type: ignore[misc]
        if floor is not None and not isinstance(floor, Problem):
            prepared.floors[name] = floor


def notes(prepared: Prepared, store: ArrayStore) -> tuple[ModelNote, ...]:
    """Return what journal and report keep of the models; references and labels go to the evidence folder."""
    return tuple(_note(name, prepared, store) for name in prepared.subjects)


def yardsticks(prepared: Prepared, experiment: Experiment) -> dict[str, Yardstick]:
    """Return by model what tells a gateway that a cell needs no more images."""
    thresholds, confidence = experiment.thresholds, experiment.sampling.confidence
    return {
        name: Yardstick(prepared.references[name], subject.samples.labels, thresholds, confidence)
        for name, subject in prepared.subjects.items()
    }


def _subject(entry: ModelEntry, experiment: Experiment, focus: Focus) -> Subject:
    given = entry.samples
    source = resolve(
        name=entry.name,
        file=entry.file,
        bundled=entry.bundled,
        timm=entry.timm,
        state_dict=entry.state_dict,
        size=given.size if given else None,
    )
    # What the entry leaves open, a bundled or timm model's card knows.
    stated = given.model_fields_set if given else set()
    samples = load_samples(
        source,
        images=given.images if given else None,
        labels=given.labels if given else None,
        arrays=given.arrays if given else None,
        mean=given.mean if given and ("mean" in stated or not source.card) else None,
        std=given.std if given and ("std" in stated or not source.card) else None,
        max_images=experiment.sampling.max_images,
        seed=experiment.sampling.seed,
    )
    if focus.images:
        samples = samples.only(focus.images)
    return Subject(entry, source, samples, sampling.batches(samples, experiment.sampling.batch))


def _wanted(plan: Plan) -> set[tuple[str, Weights]]:
    return {(cell.key.model, cell.precision.weights) for cell in plan.cells}


def _variant(subject: Subject, weights: Weights) -> Variant | Problem | str:
    impossible = why_impossible(subject.source, weights, subject.samples)
    if impossible:
        return impossible
    # A variant that gives no finite numbers here is measured all the same: it fails there, and says so.
    return attempt(lambda: make_variant(subject.source, weights, subject.samples, allow_nonfinite=True))


def _note(name: str, prepared: Prepared, store: ArrayStore) -> ModelNote:
    subject = prepared.subjects[name]
    labels = subject.samples.labels
    result = ModelResult(
        name=name,
        source=subject.source.origin,
        sha256=subject.source.sha256,
        samples=len(subject.samples),
        labelled=labels is not None,
        card=subject.source.card,
        warnings=sample_warnings(
            subject.source, subject.samples, prepared.references[name], answers_of(subject.source)
        ),
    )
    return ModelNote(
        result=result,
        reference=store.save(prepared.references[name]),
        labels=None if labels is None else store.save(labels.astype(np.int64)),
        output_name=subject.source.signature.output_name,
        host=tuple(
            HostNote(weights=weights, memory=memory, outputs=store.save(outputs), size=prepared.size(name, weights))
            for (model, weights, memory), outputs in prepared.host.items()
            if model == name
        ),
        floor=store.save(prepared.floors[name]) if name in prepared.floors else None,
    )


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
