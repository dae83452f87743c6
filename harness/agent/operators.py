"""The operators of a session as they ran, seen through its callback."""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from harness.agent import MOST_OPERATORS
from harness.agent.values import host, is_half, on_levels

_NAME, _TYPE = 120, 40
_MILLION = 1e6
_MORE_THAN_ELEMENTWISE = 2.0


class Operator(NamedTuple):
    """One operator.

    Attributes:
        type: as the engine names what it runs; it marks int8 kernels with `DT_INT8`.
        flops: the engine's figure, millions.
        multiplies: the figure is more than an elementwise operator of this size could have.
        half: all its outputs equal their float16 round trip; None where they say nothing.
        levels: all its outputs lie on at most 256 levels; None where they say nothing.
        tensors: how many outputs say something of float16; `half_tensors`: how many of them equal their round trip.
    """

    name: str
    type: str
    flops: float
    multiplies: bool
    half: Optional[bool]
    levels: Optional[bool]
    tensors: int
    half_tensors: int

    @property
    def int8(self) -> bool:
        """Whether the engine says that this is an int8 kernel."""
        return "DT_INT8" in self.type


def watched(tensors: List[Any], info: Any) -> Operator:
    """Return what an operator's outputs and its `info` say."""
    arrays = [host(tensor) for tensor in tensors]
    known = [half for half in map(is_half, arrays) if half is not None]
    kind, flops = str(info.getType()), float(info.getFlops())
    elements = sum(array.size for array in arrays)
    return Operator(
        str(info.getName()),
        kind,
        flops,
        flops * _MILLION > _MORE_THAN_ELEMENTWISE * elements,
        all(known) if known else None,
        _levels(arrays) if "DT_INT8" in kind else None,
        len(known),
        sum(known),
    )


def share(operators: List[Operator], of: List[Operator]) -> Optional[float]:
    """Return the share of multiply-adds; None where there are none."""
    whole = sum(operator.flops for operator in of)
    return min(1.0, sum(operator.flops for operator in operators) / whole) if whole > 0 else None


def largest(operators: List[Operator], of: List[Operator]) -> List[Dict[str, Any]]:
    """Name the operators with the most multiply-adds, largest first."""
    whole = sum(operator.flops for operator in of)
    ordered = sorted((each for each in operators if each.flops > 0), key=lambda each: -each.flops)
    return [
        {"name": each.name[:_NAME], "type": each.type.split(" [")[0][:_TYPE], "share": each.flops / whole}
        for each in ordered[:MOST_OPERATORS]
    ]


def _levels(arrays: "List[np.ndarray]") -> Optional[bool]:
    known = [found for found in map(on_levels, arrays) if found is not None]
    return all(known) if known else None
