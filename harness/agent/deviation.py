"""How far an operator's outputs are from the right ones, in a few figures."""

import math
from typing import Iterable, NamedTuple, Optional, Tuple

import numpy as np

_LARGEST_HALF = 65504.0
_NEAR = 0.5 * _LARGEST_HALF
_SMALLEST_NORMAL_HALF = 2.0**-14


class Deviation(NamedTuple):
    """Figures over all outputs of one operator; those on size and range are of the right outputs, floats only.

    Attributes:
        elements: how many numbers were compared; `integers`: how many of them are integers.
        relative_l2: |given - right| / |right|, of the output where it is largest. Infinite where a value is not
            finite that should be; None where all of `right` is 0 and `given` is not. Of an output of integers the
            share that differs: an index has no size.
        largest: the largest magnitude; infinite where a right value is not finite.
        rms: root of the mean square of the finite values.
        nonfinite: how many values are not finite that should be.
        near_overflow: share of values of at least half of float16's largest, 65504.
        flushed: share of values that became 0, and should be below float16's smallest normal number, 2^-14.
        tiny: share of values that are below it and not 0: float16 holds them with less than its 11 bits, if at all.
    """

    elements: int
    integers: int
    relative_l2: Optional[float]
    largest: float
    rms: float
    nonfinite: int
    near_overflow: float
    flushed: float
    tiny: float


def deviation(outputs: "Iterable[Tuple[np.ndarray, Iterable[np.ndarray]]]") -> Deviation:
    """Compare outputs, each with the right one, which comes flat and in parts: a board has little memory."""
    whole, errors = _Sums(), []
    for given, right in outputs:
        one, first = _Sums(), 0
        for part in right:
            one.add(given.reshape(-1)[first : first + part.size], part)
            first += part.size
        errors.append(one.relative_l2())
        whole.join(one)
    return whole.deviation(max((error for error in errors if error is not None), default=None))


class _Sums:
    """What the figures are made of."""

    def __init__(self) -> None:
        self.error = self.square = self.largest = 0.0
        self.integers = self.different = 0
        self.floats = self.finite = self.nonfinite = self.near = self.flushed = self.tiny = 0

    def add(self, given: "np.ndarray", right: "np.ndarray") -> None:
        """Take further elements, [n] each."""
        if right.dtype.kind == "f":
            self._add(given.astype(np.float64), right.astype(np.float64))
        else:
            self.integers += right.size
            self.different += int((given != right).sum())

    def _add(self, given: "np.ndarray", right: "np.ndarray") -> None:
        known = np.isfinite(right)
        both = known & np.isfinite(given)
        size = np.abs(np.where(known, right, 0.0))
        error = np.subtract(given, right, out=np.zeros(right.size), where=both)
        tiny = (size > 0) & (size < _SMALLEST_NORMAL_HALF)
        self.error += float(np.square(error).sum())  # not error @ error: BLAS would start threads for it
        self.square += float(np.square(size).sum())
        self.largest = max(self.largest, float(size.max()) if known.all() else math.inf)
        self.floats += right.size
        self.finite += int(known.sum())
        self.nonfinite += int(known.sum() - both.sum())
        self.near += int((size >= _NEAR).sum())
        self.flushed += int((tiny & (given == 0)).sum())
        self.tiny += int(tiny.sum())

    def join(self, other: "_Sums") -> None:
        """Take another output's."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if name == "largest" else mine + value)

    def relative_l2(self) -> Optional[float]:
        """Return the error against the size."""
        if self.integers:
            return self.different / self.integers
        if self.nonfinite:
            return math.inf
        if self.square > 0:
            return math.sqrt(self.error / self.square)
        return 0.0 if self.error == 0 else None

    def deviation(self, relative_l2: Optional[float]) -> Deviation:
        """Return the figures."""
        floats = max(1, self.floats)
        return Deviation(
            elements=self.floats + self.integers,
            integers=self.integers,
            relative_l2=relative_l2,
            largest=self.largest,
            rms=math.sqrt(self.square / max(1, self.finite)),
            nonfinite=self.nonfinite,
            near_overflow=self.near / floats,
            flushed=self.flushed / floats,
            tiny=self.tiny / floats,
        )
