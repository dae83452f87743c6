"""A closer look: how a run is narrowed down by whoever asks where a loss comes from."""

from dataclasses import dataclass

from harness.precision import Segment


@dataclass(frozen=True, slots=True)
class CloseUp:
    """What is looked at within cells of one precision, against fp32 on the same device.

    Attributes:
        precision: its name.
        images: of how many of the images that are measured, the first ones.
        blocks: the model's blocks, whose precision does not matter here; () looks at operators only.
    """

    precision: str
    images: int
    blocks: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Focus:
    """What differs from an ordinary run.

    Attributes:
        images: positions in the sample order of the images that are measured; all of them where it is empty.
        to_the_end: no cell stops early, since what is asked is not its verdict.
        close_up: None: nothing is looked at within cells.
        cells: device and precision of the cells that are measured; all of them where it is empty.
    """

    images: tuple[int, ...] = ()
    to_the_end: bool = False
    close_up: CloseUp | None = None
    cells: frozenset[tuple[str, str]] = frozenset()

    def wants(self, device: str, precision: str) -> bool:
        """Tell whether a cell is among those that are measured."""
        return not self.cells or (device, precision) in self.cells

    def on(self, precision: str) -> CloseUp | None:
        """Return what is looked at within cells of this precision."""
        return self.close_up if self.close_up is not None and self.close_up.precision == precision else None


WIDE = Focus()
"""An ordinary run: nothing is narrowed down."""
