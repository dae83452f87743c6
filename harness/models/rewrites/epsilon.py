"""`epsilon`: a constant that keeps a denominator from being 0, and is 0 itself in float16, becomes one that survives.

x / (x + 1e-15) is 0 at x = 0, but in float16 it is 0 / 0. The constant becomes 2^-14, the smallest normal number of
float16, or where that is too much 2^-24, the smallest of all, which MNN's kernels and `--fp16` files both keep.
Either is allowed only where the samples show that it hardly matters: every denominator is `FACTOR` times larger, or 0
below a numerator that is 0 as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.models.rewrites.graph import Editor, Outcome, constants, label, makers, standard
from harness.models.rewrites.known import Known

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

NOTHING = "it adds no constant to a denominator that would become 0 in float16"

FACTOR = 1e4
"""How many times larger than the constant a denominator must be, so that a ratio changes by 1e-4 at most."""
CANDIDATES = (2.0**-14, 2.0**-24)
VANISHES = 2.0**-25
"""What float16 rounds to 0: this and everything below it."""

_GUARDS = ("Add", "Max", "Clip")
_PASSES = ("Sqrt", "Cast", "Identity", "Expand", "Unsqueeze", "Reshape")
_ZERO = 2.0**-12
"""A denominator up to this is its guard alone: sqrt(VANISHES) lies below, and so does what no candidate allows."""


@dataclass(frozen=True, slots=True)
class _Guard:
    """A node that keeps a denominator from 0.

    Attributes:
        place: of the constant among its inputs.
        guarded: the tensor that it guards.
        ratios: (numerator, denominator) of the divisions below.
    """

    node: "NodeProto"
    place: int
    guarded: str
    ratios: tuple[tuple[str, str], ...]


def apply(model: "ModelProto", known: Known) -> Outcome:
    """Rewrite a model in place."""
    guards = list(_guards(model.graph))
    if not guards:
        return Outcome(())
    editor, changed, left = Editor(model.graph), [], []
    for guard, seen in zip(guards, _seen(guards, known, constants(model.graph)), strict=True):
        epsilon = next((each for each in CANDIDATES if seen.smallest >= FACTOR * each), None)
        if seen.zero_below or epsilon is None:
            left.append(f"{label(guard.node)}: {seen}")
            continue
        name = f"{label(guard.node)}/epsilon"
        guard.node.input[guard.place] = editor.constant(guard.node, name, np.array(epsilon, np.float32))
        changed.append(label(guard.node))
    editor.done()
    return Outcome(tuple(changed), tuple(left))


def _guards(graph: "GraphProto") -> Iterator[_Guard]:
    written, made_by = constants(graph), makers(graph)
    found: dict[str, _Guard] = {}
    for division in (node for node in graph.node if standard(node, "Div")):
        maker = made_by.get(division.input[1])
        while maker is not None and standard(maker, *_PASSES):
            maker = made_by.get(maker.input[0])
        place = _constant_place(maker, written) if maker is not None else None
        if maker is None or place is None:
            continue
        known = found.get(maker.output[0]) or _Guard(maker, place, maker.input[0 if place else 1], ())
        ratio = (division.input[0], division.input[1])
        found[maker.output[0]] = replace(known, ratios=(*known.ratios, ratio))
    yield from found.values()


def _constant_place(node: "NodeProto", written: dict[str, NDArray[Any]]) -> int | None:
    """Return where among a guard's inputs the constant is that vanishes, or None where the node is no such guard."""
    if not standard(node, *_GUARDS):
        return None
    places = (1,) if node.op_type == "Clip" else range(2) if len(node.input) == 2 else ()
    names = {place: node.input[place] for place in places if place < len(node.input)}
    return next((place for place, name in names.items() if name in written and _vanishes(written[name])), None)


def _vanishes(values: NDArray[Any]) -> bool:
    return values.dtype == np.float32 and values.size == 1 and 0 < float(values.reshape(())) <= VANISHES


@dataclass
class _Seen:
    """What the samples show of a guarded tensor.

    Attributes:
        smallest: the smallest value that is not 0.
        zero_below: whether it was 0 below a numerator that was not.
    """

    smallest: float = np.inf
    zero_below: bool = False

    def __str__(self) -> str:
        if self.smallest < FACTOR * min(CANDIDATES):  # below _ZERO it counts as 0, too
            return f"it comes down to {self.smallest:.2g} on the samples, too near to what float16 holds"
        return "it is 0 on the samples below a numerator that is not"


def _seen(guards: list[_Guard], known: Known, written: dict[str, NDArray[Any]]) -> list[_Seen]:
    found = [_Seen() for _ in guards]
    names = {name for guard in guards for name in (guard.guarded, *chain.from_iterable(guard.ratios))}
    for computed in known.values(sorted(names - set(written))):
        values = {**written, **computed}
        for guard, seen in zip(guards, found, strict=True):
            sizes = np.abs(values[guard.guarded])
            seen.smallest = min(seen.smallest, float(sizes[sizes > 0].min(initial=np.inf)))
            for above, below in guard.ratios:
                seen.zero_below |= bool(((np.abs(values[below]) <= _ZERO) & (values[above] != 0)).any())
    return found
