"""From what a device measured of operators and blocks to an explanation: what loses the accuracy, and why. Pure."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.block_errors import BlockErrors
from harness.captured import Capture, OperatorError
from harness.diagnose.anatomy import Anatomy
from harness.diagnose.attribution import owner
from harness.diagnose.blocks import Block, holders
from harness.diagnose.mechanisms import mechanism
from harness.diagnose.telling import paragraph
from harness.diagnosis import BlockFinding, Culprit, Explanation, Point
from harness.evidence import CellKey
from harness.precision import Precision

JUMP, NOTICED = 5.0, 1e-3
"""The error jumps where it grows to so many times the largest before it, and to what counts at all."""
QUIET = 1e-5
"""An error below this is that of fp32 in another order."""
MOST_CULPRITS = 3
CHAIN_IS_MODEL = 1e-4
"""Relative L2 up to which a model in blocks is the model."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of a cell that is to be explained.

    Attributes:
        images: positions in the sample order; `flipped` of them changed their top-1.
        blocks: of the model, () where it could not be cut; `inside` the anatomy of its operators, by name.
        captures, errors: an entry an image each; either may be empty.
    """

    key: CellKey
    asked: Precision
    images: tuple[int, ...]
    flipped: int
    blocks: tuple[Block, ...]
    inside: Mapping[str, Anatomy]
    captures: tuple[Capture, ...]
    errors: tuple[BlockErrors, ...]
    notes: tuple[str, ...] = ()
    wall_s: float = 0.0


def explain(scene: Scene) -> Explanation:
    """Rank the blocks by what each does to the output alone, and name what in them does it.

    Figures are medians over the images. Where looking at operators changed the output, only the blocks' own errors
    are used; where the blocks do not make up the model, only the operators'.
    """
    disturbed = any(not (one.undisturbed and one.control_undisturbed) for one in scene.captures)
    split = bool(scene.errors) and all(_holds(one) for one in scene.errors)
    operators = _operators(scene.captures)
    belongs = _belongs(scene.blocks, operators)
    found = Explanation(
        key=scene.key,
        images=scene.images,
        flipped=scene.flipped,
        together=_together(scene, split=split),
        blocks=_ranked(scene, operators, belongs, split=split, disturbed=disturbed),
        depth=tuple(_points(operators, belongs)),
        jump=None if disturbed else _jump(list(_points(operators, belongs))),
        disturbed=disturbed,
        notes=(*scene.notes, *_doubts(scene, split=split, disturbed=disturbed)),
        wall_s=scene.wall_s,
    )
    return found.model_copy(update={"words": paragraph(found)})


@dataclass(frozen=True, slots=True)
class _Many:
    """One operator over all images."""

    operator: OperatorError
    error: float | None
    made: float | None


def _holds(errors: BlockErrors) -> bool:
    return errors.chain_error is not None and errors.chain_error <= CHAIN_IS_MODEL


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of what is known; None where nothing is."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.median(known) if known else None


def _operators(captures: Sequence[Capture]) -> list[_Many]:
    """Return the operators by name, in the order of the first image; a name that stands twice is told apart."""
    seen: dict[tuple[str, int], list[OperatorError]] = defaultdict(list)
    for capture in captures:
        count: dict[str, int] = defaultdict(int)
        for operator in capture.operators:
            seen[operator.name, count[operator.name]].append(operator)
            count[operator.name] += 1
    return [
        _Many(_worst(each), median(one.relative_l2 for one in each), median(one.made for one in each))
        for each in seen.values()
    ]


def _worst(each: Sequence[OperatorError]) -> OperatorError:
    """Return the one in which most is made; where that is not known of an image, another one stands for it."""
    return max(each, key=lambda one: -1.0 if one.made is None else one.made)


def _belongs(blocks: Sequence[Block], operators: Sequence[_Many]) -> dict[str, str]:
    held = holders(blocks)
    found = {}
    for name in {each.operator.name for each in operators}:
        mine = owner(name, held)
        found[name] = held[mine].name if mine is not None else ""
    return found


def _together(scene: Scene, *, split: bool) -> float | None:
    if split:
        return median(one.together for one in scene.errors)
    return median(one.output_relative_l2 for one in scene.captures)


def _ranked(
    scene: Scene, operators: Sequence[_Many], belongs: Mapping[str, str], *, split: bool, disturbed: bool
) -> tuple[BlockFinding, ...]:
    found = []
    for number, block in enumerate(scene.blocks):
        errors = [one.blocks[number] for one in scene.errors] if split else []
        mine = [] if disturbed else [each for each in operators if belongs[each.operator.name] == block.name]
        found.append(
            BlockFinding(
                name=block.name,
                share=block.share,
                local=median(one.local for one in errors),
                alone=median(one.alone for one in errors),
                spared=median(one.spared for one in errors),
                culprits=tuple(_culprits(scene, mine)),
            )
        )
    return tuple(sorted(found, key=_weight, reverse=True))


def _weight(block: BlockFinding) -> tuple[float, float]:
    made = max((culprit.made for culprit in block.culprits), default=0.0)
    return (block.alone if block.alone is not None else made, block.local or 0.0)


def _culprits(scene: Scene, mine: Sequence[_Many]) -> Iterable[Culprit]:
    guilty = [each for each in mine if each.made is not None and each.made > QUIET]
    for each in sorted(guilty, key=lambda one: one.made or 0.0, reverse=True)[:MOST_CULPRITS]:
        operator = each.operator
        inside = scene.inside.get(owner(operator.name, scene.inside) or "", Anatomy())
        what, words = mechanism(operator, inside, scene.asked)
        yield Culprit(name=operator.name, type=operator.type, made=each.made or 0.0, mechanism=what, words=words)


def _points(operators: Sequence[_Many], belongs: Mapping[str, str]) -> Iterable[Point]:
    for each in operators:
        operator = each.operator
        yield Point(
            name=operator.name,
            type=operator.type,
            block=belongs[operator.name],
            error=each.error,
            made=each.made,
        )


def _jump(points: Sequence[Point]) -> Point | None:
    largest = QUIET
    for point in points:
        if point.error is None:
            continue
        if point.error >= NOTICED and point.error >= JUMP * largest:
            return point
        largest = max(largest, point.error)
    return None


def _doubts(scene: Scene, *, split: bool, disturbed: bool) -> Iterable[str]:
    if disturbed:
        rest = "only the blocks' own errors are used" if split else "nothing is said of operators"
        yield f"looking at every operator changed the output, so {rest}"
    if scene.captures and not all(one.restored for one in scene.captures):
        yield "some operators depend on more than their inputs; of these it is not known what is made in them"
    if scene.errors and not split:
        yield "the model cut into blocks does not compute what it computes whole, so blocks are not compared"
    if not scene.blocks:
        yield "the model could not be cut into blocks"
