"""A model's own blocks: runs of operators between two places at which it can be cut. Pure.

Their size comes from the graph. The model is halved again and again, at the place where the names change at the
outermost level and the work is shared best, until no block that can be cut is coarser than a tenth of the
multiply-adds. So a stage falls apart into its blocks, and a heavy block into its modules, before the convolutions of
a light one are told apart, and no part is too small to matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.diagnose.cuts import cuts
from harness.diagnose.graph import Graph
from harness.diagnose.names import Modules, path_of
from harness.diagnose.naming import named
from harness.diagnose.pieces import Piece, Run, pieces

COARSE = 0.1
"""Share of the multiply-adds above which a block is cut where it can be."""
LEAST = 0.002
"""Share below which a part is no block of its own."""
MOST, FEWEST = 24, 4
MOST_TENSORS = 4
"""Across a place that is a cut, where the model has not enough places that one tensor crosses."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of operators that can be run by itself.

    Attributes:
        start, stop: where it stands in `Graph.path`, the end not included.
        operators: their names, as a session reports them.
        inputs: tensors that it needs of those that depend on the image, in the order in which they are made.
        outputs: tensors that the rest needs of it, or the model's output.
        multiply_adds: in millions.
        share: of the model's.
    """

    name: str
    start: int
    stop: int
    operators: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    multiply_adds: float
    share: float


def blocks(graph: Graph) -> tuple[Block, ...]:
    """Return the blocks of a model, in the order in which they run; they hold all of `Graph.path`.

    They meet where a single tensor crosses; in a model that has too few such places, where a few do.
    """
    found: tuple[Block, ...] = ()
    for most_tensors in range(1, MOST_TENSORS + 1):
        parts = pieces(graph, 0, len(graph.path), _places(graph, most_tensors))
        finer = _described(graph, parts, _halved(parts))
        found = finer if len(finer) > len(found) else found
        if len(found) >= FEWEST:
            break
    return found


def split(graph: Graph, block: Block, *, most_tensors: int = 1) -> tuple[Block, ...]:
    """Return the parts of a block, by the outermost level at which the names in it differ.

    Args:
        graph: the graph that the block is of.
        block: what is to be split.
        most_tensors: how many may cross between two parts. Within a residual block two do.

    Returns:
        The parts in the order in which they run; the block alone where it cannot be split.
    """
    parts = pieces(graph, block.start, block.stop, _places(graph, most_tensors))
    inner = range(1, len(parts))
    useful = [place for place in inner if _useful(parts, Run(0, len(parts)), place)]
    if not useful:
        return (block,)
    outermost = min(parts[place].level for place in useful)
    runs = [Run(0, len(parts))]
    for place in useful:
        if parts[place].level == outermost and _useful(parts, runs[-1], place):
            runs[-1:] = runs[-1].cut(place)
    outside = (*graph.path[: block.start], *graph.path[block.stop :])
    paths = [path_of(each.name) for each in outside if each.multiply_adds >= LEAST * graph.multiply_adds]
    return _described(graph, parts, runs, [path for path in paths if path is not None])


def holders(blocks: Iterable[Block]) -> dict[str, Block]:
    """Return which block holds each operator, by the operator's name; `attribution.owner` finds those of helpers."""
    return {name: block for block in blocks for name in block.operators}


def _places(graph: Graph, most_tensors: int) -> list[int]:
    return [cut.position for cut in cuts(graph, most_tensors=most_tensors)]


def _halved(parts: Sequence[Piece]) -> list[Run]:
    runs = [Run(0, len(parts))]
    while len(runs) < MOST:
        places = {run: place for run in runs if (place := _best(parts, run)) is not None}
        if not places:
            break
        largest = max(places, key=lambda run: (run.share(parts), -run.start))
        if largest.share(parts) <= COARSE and len(runs) >= FEWEST:
            break
        where = runs.index(largest)
        runs[where : where + 1] = largest.cut(places[largest])
    return runs


def _best(parts: Sequence[Piece], run: Run) -> int | None:
    useful = [place for place in range(run.start + 1, run.stop) if _useful(parts, run, place)]

    def preference(place: int) -> tuple[int, float, int]:
        return parts[place].level, -min(half.share(parts) for half in run.cut(place)), place

    return min(useful, key=preference, default=None)


def _useful(parts: Sequence[Piece], run: Run, place: int) -> bool:
    return all(half.share(parts) >= LEAST for half in run.cut(place))


def _described(
    graph: Graph, parts: Sequence[Piece], runs: Sequence[Run], beside: Sequence[Modules] = ()
) -> tuple[Block, ...]:
    names = named(parts, runs, least=LEAST, beside=beside)
    return tuple(
        _block(graph, name, parts[run.start].start, parts[run.stop - 1].stop)
        for name, run in zip(names, runs, strict=True)
    )


def _block(graph: Graph, name: str, start: int, stop: int) -> Block:
    operators = graph.path[start:stop]
    made = {tensor for operator in operators for tensor in operator.outputs}
    used = {tensor for operator in operators for tensor in operator.inputs}
    before = [tensor for operator in graph.path[:start] for tensor in operator.outputs]
    behind = {tensor for operator in graph.path[stop:] for tensor in operator.inputs} | {graph.output}
    multiply_adds = sum(operator.multiply_adds for operator in operators)
    return Block(
        name=name,
        start=start,
        stop=stop,
        operators=tuple(operator.name for operator in operators),
        inputs=tuple(tensor for tensor in before if tensor in used) if start else (graph.input,),
        outputs=tuple(tensor for operator in operators for tensor in operator.outputs if tensor in behind & made),
        multiply_adds=multiply_adds,
        share=multiply_adds / graph.multiply_adds if graph.multiply_adds else 0.0,
    )
