"""Whether a variant's file holds the weights that it is named after.

No device can tell: a converter that left the weights as they were, or the fp32 file under another variant's name,
gives perfect numbers there. So each file is run on the coordinator beside the fp32 file, whether or not fp32 is in
the experiment, both at precision high, and their answers and their sizes are held against each other.
"""

from dataclasses import replace
from enum import Enum

import numpy as np

from harness.errors import Code, FarmError
from harness.judge.peers import equal
from harness.judge.split import PLAIN
from harness.judge.stored import ModelRecord
from harness.precision import Memory, Precision, Weights
from harness.results import Effective, Extent

SMALLER = 0.9
"""Up to this share of the fp32 file's size a file holds smaller weights (`--fp16`: 0.51 of EfficientViT-B0, and 0.65
where there are 1,264 weights in all; calibrated int8: 0.73 of those). One whose weights were left has the same size,
but for a few bytes."""

_ADVICE = (
    "The converter left the weights as they were, or the cache of variants has the fp32 file under another's name."
    " Remove the folder `variants` in the cache ($FARM_CACHE) and run again; if it stays, this engine's converter"
    " ignores what it is asked for."
)

_EXACT = "the smaller file answers as the fp32 file does, to the bit"


class Held(Enum):
    """What a file is shown to hold: other weights than the fp32 file, the same in less room, the same, or unknown."""

    OTHER = "other"
    EXACT = "exact"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"


def held(model: ModelRecord, weights: Weights) -> Held:
    """Compare a variant's file with the fp32 file, over the images to which that one answers with finite numbers.

    Equal answers are no proof of a lie: where every weight is a float16 number already (or a multiple of one step),
    nothing is lost by storing it so. Then the file is smaller all the same (`SMALLER`), and that settles it.
    """
    plain, own = model.host.get(PLAIN), model.host.get((weights, Memory.NORMAL))
    if plain is None or own is None or plain.shape != own.shape:
        return Held.UNKNOWN
    finite = np.flatnonzero(np.isfinite(plain).all(axis=1))
    if not len(finite):
        return Held.UNKNOWN
    if not equal(plain[finite], own[finite]):
        return Held.OTHER
    sizes = model.sizes.get(Weights()), model.sizes.get(weights)
    smaller = sizes[0] is not None and sizes[1] is not None and sizes[1] <= SMALLER * sizes[0]
    return Held.EXACT if smaller else Held.UNCHANGED


def beside_its_file(ran: Effective, model: ModelRecord, precision: Precision) -> Effective:
    """Add to a finding on what ran what the variant's file shows by itself.

    Plain fp32 weights claim nothing, nor do those of a rewritten graph: a rewrite keeps what the model computes, and
    one that scales by powers of two keeps it to the bit.

    Where nobody could run the file here, reduced weights are not proven, unless the device multiplied int8 numbers,
    which it cannot do with those of the fp32 file.

    Raises:
        FarmError: (conversion-failed) the file answers as the fp32 file does, to the bit, and is as large.
    """
    weights = precision.weights
    if replace(weights, rewrites=()) == Weights():
        return ran
    found = held(model, weights)
    if found is Held.UNCHANGED:
        message = f"the file with weights {weights.stored_as} answers as the fp32 file does, to the bit"
        raise FarmError(Code.CONVERSION_FAILED, message, _ADVICE)
    if found is Held.UNKNOWN:
        return ran if precision.uses_int8_compute or not ran.in_effect else _unproven(ran)
    exact = f"storing the weights as {weights.stored_as} loses nothing: {_EXACT}" if found is Held.EXACT else ""
    note = "; ".join(filter(None, (ran.note, exact)))
    return ran.model_copy(update={"proof": ("file", *ran.proof), "note": note})


def _unproven(ran: Effective) -> Effective:
    note = f"nothing shows that the file holds {ran.weights} weights: it was not compared with the fp32 file"
    return ran.model_copy(update={"proven": False, "in_effect": None, "extent": Extent.UNPROVEN, "note": note})
