"""What the calibration pass found: for every tensor and operator a few figures instead of its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TensorFigures:
    """A tensor in fp32, over all images.

    Attributes:
        largest: largest |x| that is finite.
        smallest: smallest |x| that is not 0; infinity where all are 0.
        rms: root of the mean square.
        zeros: share (0..1) that is exactly 0.
        vanishing: share that is not 0, but is in float16.
        overflowing: share that is finite, but infinite in float16.
        nonfinite: how many are NaN or infinite in fp32 already.
    """

    largest: float
    smallest: float
    rms: float
    zeros: float
    vanishing: float
    overflowing: float
    nonfinite: int


@dataclass(frozen=True, slots=True)
class SumFigures:
    """An operator that adds up products.

    Attributes:
        length: K, the number of products in a sum (of a Winograd tile: channels, what is added up in float16).
        cancellation: median over outputs of (sum of |a b|) / |sum of a b|, the bias taken as one more product; 1
            where nothing cancels, infinity where most sums cancel to 0.
        one_signed: share of the outputs whose products all have one sign, or are 0.
        winograd: outputs in a row of a tile, 0 where the convolution is direct.
    """

    length: int
    cancellation: float
    one_signed: float
    winograd: int = 0


@dataclass(frozen=True, slots=True)
class WeightFigures:
    """What storing an operator's weights in few bits does, one scale for each output channel.

    Attributes:
        weights: relative L2 error of the weights.
        output: relative L2 error of the operator's output, on the samples.
        spread: the largest, over channels, of (largest |w|) / (median |w|).
        channel: the channel of which that is.
        lost: share of the channels whose weights all come back alike, because their steps would be too fine.
    """

    weights: float
    output: float
    spread: float
    channel: int
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """An operator in float16, replayed. All errors are relative L2 errors of its first output.

    Attributes:
        error: with inputs as fp32 has them.
        fresh: with inputs that are float16 already, so that only what is lost in the operator itself counts.
        gains: for each input that is no constant, by the tensor's name: the relative change of the output, per
            relative change of the input (random, and everywhere).
        sums: of an operator that adds up products.
        few_bits: by the number of bits, 8 and 4, where there are constant weights.
    """

    error: float
    fresh: float
    gains: Mapping[str, float]
    sums: SumFigures | None = None
    few_bits: Mapping[int, WeightFigures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """All of it: tensors and operators by name, and how many images it comes from."""

    tensors: Mapping[str, TensorFigures]
    nodes: Mapping[str, NodeFigures]
    images: int
