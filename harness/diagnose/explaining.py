"""Explaining a cell: which images, which blocks, one closer look at the device, and what comes of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.diagnose.anatomy import Anatomy, anatomies
from harness.diagnose.blocks import Block, blocks
from harness.diagnose.explain import Scene, explain
from harness.diagnose.look import Question, Subject, look
from harness.diagnose.read import read
from harness.diagnose.scoring import lint_score
from harness.diagnosis import Explanation, LintScore
from harness.dispatch import prepare
from harness.dispatch.focus import CloseUp, Focus
from harness.errors import Code, FarmError, InputError
from harness.models.layers import layers_of
from harness.models.samples import SampleSet
from harness.models.signature import Signature
from harness.models.source import Kind, ModelSource
from harness.models.variants import make_variant
from harness.precision import Compute, Precision, Segment, Weights
from harness.results import CellResult, Status

IMAGES = 4
"""Images looked into; each costs some dozens of inferences."""


@dataclass(frozen=True, slots=True)
class Insides:
    """What is known of a model without any device.

    Attributes:
        anatomy: of its operators, by name.
        layers: names of those whose weights can be quantised.
        notes: what could not be found out, and why.
    """

    source: ModelSource
    samples: SampleSet
    signature: Signature
    blocks: tuple[Block, ...] = ()
    anatomy: dict[str, Anatomy] = field(default_factory=dict)
    layers: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a cell came to; the lint's score on it, where it foretells anything of such cells."""

    explanation: Explanation
    score: LintScore | None


def explain_cell(
    subject: Subject, cell: CellResult, *, images: int = IMAGES, clock: Callable[[], float] = time.monotonic
) -> Looked:
    """Look into a cell of a run on its device and explain it.

    Raises:
        InputError: there is nothing to explain: it was not measured, or its precision did not take effect.
        FarmError: the device could not be looked into.
        KeyboardInterrupt: the user interrupted it.
    """
    began = clock()
    asked = _asked(subject, cell)
    chosen = chosen_images(cell, images)
    inside = insides(subject, cell.key.model)
    segments = segments_of(inside.blocks) if _can_be_cut(asked) else ()
    seen = look(
        subject,
        Question(
            name="explain",
            models=(cell.key.model,),
            devices=(cell.key.device,),
            precisions=(asked,),
            focus=Focus(chosen, to_the_end=True, close_up=CloseUp(asked.name, len(chosen), segments)),
            engines=(cell.key.engine,),
        ),
    )
    evidence = seen.evidence(cell.key)
    if not evidence.captures:
        raise FarmError(Code.EVIDENCE_MISSING, f"{cell.key} was measured again, and nothing was seen inside of it.")
    flipped = {flip.image for flip in cell.flips}
    found = explain(
        Scene(
            key=cell.key,
            asked=asked,
            images=chosen,
            flipped=len(flipped & set(chosen)),
            blocks=inside.blocks,
            inside=inside.anatomy,
            captures=evidence.captures,
            errors=evidence.block_errors,
            notes=(*inside.notes, *_uncut(asked)),
            wall_s=clock() - began,
        )
    )
    return Looked(found, lint_score(inside.source, inside.samples, inside.blocks, asked, found))


def chosen_images(cell: CellResult, count: int) -> tuple[int, ...]:
    """Return the positions of the images that matter: flipped ones first, then the first others."""
    measured = cell.metrics.images if cell.metrics is not None else 0
    flipped = [flip.image for flip in cell.flips][:count]
    others = (position for position in range(measured) if position not in flipped)
    return tuple(flipped + [position for position, _ in zip(others, range(count - len(flipped)), strict=False)])


def insides(subject: Subject, model: str) -> Insides:
    """Return a model's blocks and the anatomy of its operators, as far as they can be found."""
    entries = tuple(entry for entry in subject.experiment.models if entry.name == model)
    experiment = subject.experiment.model_copy(update={"models": entries})
    found = prepare.find_subjects(experiment)[model]
    subject.listener.stage(f"blocks of {model}")
    variant = make_variant(found.source, Weights(), found.samples)
    try:
        graph = read(variant.path, variant.signature)
        kernels = {}
        if found.source.kind is Kind.ONNX:
            kernels = {layer.name: layer.kernel for layer in layers_of(found.source)}
    except FarmError as error:
        said = (f"the model's graph could not be read: {error.problem.message}",)
        return Insides(found.source, found.samples, variant.signature, notes=said)
    inner = blocks(graph), anatomies(graph, kernels), frozenset(kernels)
    return Insides(found.source, found.samples, variant.signature, *inner)


def segments_of(found: tuple[Block, ...]) -> tuple[Segment, ...]:
    """Return blocks as segments, whose precision does not matter."""
    return tuple(Segment(block.inputs, block.outputs, Compute.FP32, block.share) for block in found)


def _asked(subject: Subject, cell: CellResult) -> Precision:
    key = cell.key
    if cell.status is not Status.MEASURED or cell.effective is None:
        raise InputError(Code.NOTHING_TO_EXPLAIN, f"{key} was not measured: {cell.reason or cell.status}.")
    if cell.effective.in_effect is False:
        raise InputError(Code.NOTHING_TO_EXPLAIN, f"{key} did not run as asked: {cell.reason}.")
    return next(one for one in subject.experiment.precisions if one.name == key.precision)


def _can_be_cut(asked: Precision) -> bool:
    return not (asked.weights.calibrated or asked.plans)


def _uncut(asked: Precision) -> tuple[str, ...]:
    if asked.weights.calibrated:
        return ("a graph of int8 operators cannot be cut where the float one can: blocks are not compared",)
    return ("it runs in parts already, so its blocks are not compared again",) if asked.plans else ()
