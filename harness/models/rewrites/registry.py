"""The rewrites by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.models.rewrites import epsilon, mean_pool, scale_attention, sum_matmul
from harness.models.rewrites.graph import Outcome
from harness.models.rewrites.known import Known

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite.

    Attributes:
        apply: changes a model in place.
        nothing: what to say of a model in which it finds nothing to change.
    """

    apply: "Callable[[ModelProto, Known], Outcome]"
    nothing: str


RULES: Final[Mapping[str, Rewrite]] = MappingProxyType(
    {
        "mean-pool": Rewrite(mean_pool.apply, mean_pool.NOTHING),
        "scale-attention": Rewrite(scale_attention.apply, scale_attention.NOTHING),
        "sum-matmul": Rewrite(sum_matmul.apply, sum_matmul.NOTHING),
        "epsilon": Rewrite(epsilon.apply, epsilon.NOTHING),
    }
)
"""In the order in which they are made: scaling may shrink an epsilon, and sees through products that are whole."""
