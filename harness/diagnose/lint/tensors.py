"""What a tensor's values are like, image after image."""

from dataclasses import dataclass

import numpy as np

from harness.diagnose.lint.figures import TensorFigures
from harness.diagnose.lint.graph import Array
from harness.diagnose.lint.half import half


@dataclass(frozen=True, slots=True)
class TensorSums:
    """Counts and extremes that can be put together; the words are those of `TensorFigures`."""

    largest: float
    smallest: float
    square: float
    count: int
    zeros: int
    vanishing: int
    overflowing: int
    nonfinite: int

    @classmethod
    def of(cls, values: Array) -> "TensorSums":
        """Look at one tensor."""
        finite = np.isfinite(values)
        magnitudes = np.abs(values if finite.all() else values[finite])
        rounded = half(magnitudes)
        zeros = int(np.sum(magnitudes == 0))
        return cls(
            largest=float(magnitudes.max(initial=0)),
            smallest=float(magnitudes.min(initial=np.inf, where=magnitudes > 0)),
            square=float(np.sum(np.square(magnitudes, dtype=np.float64))),
            count=values.size,
            zeros=zeros,
            vanishing=int(np.sum(rounded == 0)) - zeros,
            overflowing=int(np.sum(np.isinf(rounded))),
            nonfinite=values.size - magnitudes.size,
        )

    def __add__(self, other: "TensorSums") -> "TensorSums":
        return TensorSums(
            max(self.largest, other.largest),
            min(self.smallest, other.smallest),
            self.square + other.square,
            self.count + other.count,
            self.zeros + other.zeros,
            self.vanishing + other.vanishing,
            self.overflowing + other.overflowing,
            self.nonfinite + other.nonfinite,
        )

    @property
    def figures(self) -> TensorFigures:
        """The figures over everything that was put together."""
        count = max(1, self.count)
        return TensorFigures(
            largest=self.largest,
            smallest=self.smallest,
            rms=float(np.sqrt(self.square / count)),
            zeros=self.zeros / count,
            vanishing=self.vanishing / count,
            overflowing=self.overflowing / count,
            nonfinite=self.nonfinite,
        )
