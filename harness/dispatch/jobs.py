"""What a lane is asked to do, as values that travel to a gateway."""

from dataclasses import dataclass

from harness.dispatch.focus import CloseUp
from harness.evidence import CellKey
from harness.fleet.client import Batch
from harness.precision import Precision


@dataclass(frozen=True, slots=True)
class CellJob:
    """One cell to be measured: which file, which samples, how often to time.

    Attributes:
        variant: sha256 of the .mnn file.
        batches: the samples in order; the first batch's first sample is also probed and timed.
        close_up: what is looked at within the cell, on samples of the first batch; None: nothing.
        control: sha256 of the fp32 file that it is held against; '' where nothing is looked at.
    """

    key: CellKey
    precision: Precision
    variant: str
    input_name: str
    output_name: str
    batches: tuple[Batch, ...]
    warmup: int
    repeats: int
    close_up: CloseUp | None = None
    control: str = ""

    @property
    def images(self) -> int:
        """How many images the whole cell has."""
        return sum(batch.count for batch in self.batches)

    def objects(self, batches: int) -> tuple[str, ...]:
        """Return the objects that must be in the device's store to measure the first `batches` batches."""
        models = (self.variant, self.control) if self.control else (self.variant,)
        return (*models, *(batch.digest for batch in self.batches[:batches]))
