"""What a lane is asked to do, as values that travel to a gateway."""

from dataclasses import dataclass

from harness.evidence import CellKey
from harness.fleet.client import Batch
from harness.precision import Precision


@dataclass(frozen=True, slots=True)
class CellJob:
    """One cell to be measured: which file, which samples, how often to time.

    Attributes:
        variant: sha256 of the .mnn file.
        batches: the samples in order; the first batch's first sample is also probed and timed.
    """

    key: CellKey
    precision: Precision
    variant: str
    input_name: str
    output_name: str
    batches: tuple[Batch, ...]
    warmup: int
    repeats: int

    @property
    def images(self) -> int:
        """How many images the whole cell has."""
        return sum(batch.count for batch in self.batches)

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects that must be in the device's store to measure this cell fully."""
        return (self.variant, *(batch.digest for batch in self.batches))
