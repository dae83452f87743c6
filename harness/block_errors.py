"""What each block of a model does to a cell's numbers on one image, as a device measured it.

The **control** is the fp32 file on the same device at precision high. All errors are relative L2 from it, infinite
where a value is not finite that should be, and None where all of the control's values are 0 and others are not.
"""

from typing import Annotated

from pydantic import Field

from harness.captured import Magnitude
from harness.value import Value

MOST_BLOCKS = 64


class BlockError(Value):
    """One block.

    Attributes:
        local: of its outputs at the cell's precision, given the control's inputs: what goes wrong in it.
        alone: of the model's outputs, with only this block at the cell's precision.
        spared: of the model's outputs, with only this block being the control's.
    """

    local: Magnitude | None
    alone: Magnitude | None
    spared: Magnitude | None


class BlockErrors(Value):
    """All blocks of a model.

    Attributes:
        chain_error: of the control in blocks, from the control whole: 0, or cutting changed what runs.
        together: of the model's outputs, with all blocks at the cell's precision.
        blocks: in the order in which they run.
    """

    chain_error: Magnitude | None
    together: Magnitude | None
    blocks: Annotated[tuple[BlockError, ...], Field(min_length=1, max_length=MOST_BLOCKS)]
