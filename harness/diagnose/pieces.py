"""The smallest parts of a model: what lies between two neighbouring places at which it can be cut. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.diagnose.graph import Graph, Operator
from harness.diagnose.names import Modules, common, inherited, path_of


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of operators of `Graph.path` in which no place is a cut.

    Attributes:
        start, stop: where it stands, the end not included.
        share: of the model's multiply-adds.
        path: the modules that are around all of it.
        level: how many of them it shares with the piece before it.
        first, last: of its operators that multiply or add, or of all where none does.
    """

    start: int
    stop: int
    share: float
    path: Modules
    level: int
    first: Operator
    last: Operator


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring pieces, the end not included."""

    start: int
    stop: int

    def cut(self, place: int) -> tuple["Run", "Run"]:
        """Return what lies before a piece, and the rest."""
        return Run(self.start, place), Run(place, self.stop)

    def share(self, parts: Sequence[Piece]) -> float:
        """Return the share of the multiply-adds."""
        return sum(part.share for part in parts[self.start : self.stop])


def pieces(graph: Graph, start: int, stop: int, places: Sequence[int]) -> tuple[Piece, ...]:
    """Return what of `Graph.path[start:stop]` lies between the places, positions in it, rising."""
    edges = [start, *(place for place in places if start < place < stop), stop]
    paths = inherited([_path(graph.path[begin:end]) for begin, end in pairwise(edges)])
    found = []
    for index, (begin, end) in enumerate(pairwise(edges)):
        operators = graph.path[begin:end]
        level = len(common([paths[index - 1], paths[index]])) if index else 0
        share = sum(operator.multiply_adds for operator in operators) / (graph.multiply_adds or 1.0)
        working = [operator for operator in operators if operator.multiply_adds] or operators
        found.append(Piece(begin, end, share, paths[index], level, working[0], working[-1]))
    return tuple(found)


def _path(operators: Sequence[Operator]) -> Modules | None:
    known = [path for operator in operators if (path := path_of(operator.name)) is not None]
    return common(known) if known else None
