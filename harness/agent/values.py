"""What the numbers of a tensor tell of the type that held them."""

from typing import Any, Optional

import MNN
import numpy as np

_MIN_FRACTIONS = 16
"""A tensor with fewer different values that are no integers says nothing: 0, 1 and 0.5 are exact in float16."""

_LOOKED_AT = 256
"""How many fractions, evenly spread, are searched for different ones."""

_MIN_LEVELS = 12
_MAX_LEVELS = 256
_SAMPLED = 4096
_SKIPPED = 4
"""The smallest gap between two values seen may be as many int8 levels wide."""

_ROUNDING = 0.02


def host(tensor: Any) -> "np.ndarray":
    """Return a tensor's numbers in NCHW order.

    Read without this copy, they are in the engine's own layout and type: garbage.
    """
    copy = MNN.Tensor(tensor, MNN.Tensor_DimensionType_Caffe)
    tensor.copyToHostTensor(copy)
    return np.array(copy.getNumpyData(), copy=True)


def is_half(values: "np.ndarray") -> Optional[bool]:
    """Whether all values equal their float16 round trip; None where that would say nothing."""
    flat = values.ravel()
    if flat.dtype != np.float32 or not np.isfinite(flat).all():
        return None
    fractions = flat[flat != np.rint(flat)]
    # Not np.unique: its sorting took longer than the whole inference on an emulated core.
    if len(set(fractions[:: fractions.size // _LOOKED_AT + 1].tolist())) < _MIN_FRACTIONS:
        return None
    with np.errstate(over="ignore"):
        return bool((flat.astype(np.float16).astype(np.float32) == flat).all())


def on_levels(values: "np.ndarray") -> Optional[bool]:
    """Whether all values sampled lie on at most 256 levels, evenly spaced, as int8 ones do.

    None where there are too few different values to tell.
    """
    flat = values.ravel()
    if flat.dtype != np.float32 or not np.isfinite(flat).all():
        return None
    seen = np.unique(flat[:: flat.size // _SAMPLED + 1]).astype(np.float64)
    if seen.size < _MIN_LEVELS:
        return None
    gaps = np.diff(seen)
    for skipped in range(1, _SKIPPED + 1):
        steps = gaps * (skipped / gaps.min())
        if steps.sum() < _MAX_LEVELS - 0.5 and np.abs(steps - np.rint(steps)).max() < _ROUNDING * skipped:
            return True
    return False
