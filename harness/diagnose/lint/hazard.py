"""A place in a model where accuracy will be lost, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What loses it."""

    VANISHING_CONSTANT = "vanishing-constant"
    UNDERFLOW = "underflow"
    OVERFLOW = "overflow"
    LONG_ACCUMULATION = "long-accumulation"
    CANCELLATION = "cancellation"
    WINOGRAD = "winograd"
    POOLING = "pooling"
    ESTIMATE = "estimate"
    ROUNDING = "rounding"
    WEIGHT_RANGE = "weight-range"


class Reduced(StrEnum):
    """What is reduced: the arithmetic, or only how weights and constants are stored."""

    FP16 = "fp16"
    FP16_WEIGHTS = "fp16-weights"
    W8 = "w8"
    W4 = "w4"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at one operator.

    Attributes:
        predicted: relative L2 error of the operator's output, if it alone were run so; infinity where NaN or
            infinity comes out.
        why: in a sentence, with the figures.
        remedy: what to do.
        latent: it is to be told however small it is predicted, because other images may bring it out.
    """

    kind: Kind
    precision: Reduced
    predicted: float
    why: str
    remedy: str
    latent: bool = False


@dataclass(frozen=True, slots=True)
class Hazard:
    """A finding and where it is.

    Attributes:
        node: the operator's name; `op` what it does.
        predicted, why, remedy: as in `Finding`.
        carried: what is left of the error at the next tensor through which everything passes, behind the residual
            connections around the operator; hazards are ranked by it.
    """

    node: str
    op: str
    kind: Kind
    predicted: float
    carried: float
    why: str
    remedy: str
    precision: Reduced
