"""Which operator of the file something belongs to that a session ran: the engine runs helpers, and splits operators.

A helper is called after the operator that it serves: `X_raster_2` lays out an input of X, `X__group__3` is a group of
the convolution X, and a reduction, a pooling or a multiplication may run under such a name altogether. Found by name,
never by position: the order differs between machines.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from harness.diagnose.graph import Operator

RASTER = "Raster"
"""The engine's type of a helper that copies numbers into another layout and computes nothing."""


@dataclass(frozen=True, slots=True)
class Ran:
    """Something that a session ran.

    Attributes:
        flops: the engine's figure, in millions: multiply-adds of a convolution; values of an elementwise operator, in
            units of 2**20, and multiply-adds of a matrix product in those units, 5 % too few.
    """

    name: str
    type: str
    flops: float


def owner(name: str, operators: Collection[str]) -> str | None:
    """Return which of the operators, given by name, something named so belongs to, or None."""
    while name not in operators:
        name, mark, _ = name.rpartition("_")
        if not mark:
            return None
    return name


def attribute(operators: Sequence[Operator], ran: Iterable[Ran]) -> tuple[tuple[Operator, ...], float]:
    """Return the operators with their multiply-adds, and those that belong to none of them, in millions."""
    sums = dict.fromkeys((operator.name for operator in operators), 0.0)
    left = 0.0
    for each in ran:
        if each.type == RASTER:
            continue
        name = owner(each.name, sums)
        if name is None:
            left += each.flops
        else:
            sums[name] += each.flops
    # Popped, so that operators which share a name do not count it twice.
    return tuple(replace(each, multiply_adds=sums.pop(each.name, 0.0)) for each in operators), left
