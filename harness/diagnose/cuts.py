"""Where a model can be cut: after which operator how many tensors cross to the rest. Pure.

A tensor by which alone a model can be cut is one that every way from the input to the output passes. All such tensors
are found along any order in which the operators on those ways can run: each operator either leads to the tensor or
follows from it, so whatever was run before its maker leads to it and whatever comes after follows, and an edge that
crosses beside it would be a way around it. Operators that do not lead to the output are not on such a way and are
left out, and an operator that reads only the shape of an earlier tensor is fed that tensor, which therefore crosses.

Cuts by two or more tensors depend on the order: those along the graph's own, depth first, are found.
"""

from dataclasses import dataclass

from harness.diagnose.graph import FLOAT, Graph, Operator


@dataclass(frozen=True, slots=True)
class Cut:
    """A place between two operators of `Graph.path`.

    Attributes:
        position: how many of them run before it.
        tensors: what crosses it, in the order in which it was made.
    """

    position: int
    tensors: tuple[str, ...]


def boundaries(graph: Graph) -> tuple[Cut, ...]:
    """Return every place between the input and the last operator, with what crosses it."""
    return crossings(graph.path)


def cuts(graph: Graph, *, most_tensors: int = 1) -> tuple[Cut, ...]:
    """Return the places at which at most so many tensors cross, all of them float.

    Others are shapes: nothing that has a precision, and fed with an empty one the engine crashes.
    """
    return tuple(
        cut
        for cut in boundaries(graph)
        if len(cut.tensors) <= most_tensors and all(_is_float(graph, tensor) for tensor in cut.tensors)
    )


def crossings(operators: tuple[Operator, ...]) -> tuple[Cut, ...]:
    """Return every place between operators that run in this order, the first of them the input."""
    last_use = {name: index for index, operator in enumerate(operators) for name in operator.inputs}
    waiting: dict[str, None] = {}
    found = []
    for index, operator in enumerate(operators[:-1]):
        waiting.update(dict.fromkeys(operator.outputs))
        waiting = {name: None for name in waiting if last_use.get(name, -1) > index}
        if index:  # before it there is only the input
            found.append(Cut(index + 1, tuple(waiting)))
    return tuple(found)


def _is_float(graph: Graph, name: str) -> bool:
    known = graph.tensors.get(name)
    return known is None or known.dtype == FLOAT
