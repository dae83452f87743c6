"""Which inputs a convolution or a pooling sees for some of its outputs."""

import numpy as np
from numpy.typing import NDArray

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.graph import Array

Index = NDArray[np.intp]


def window(call: Call, axis: int, kernel: int, position: Index) -> Index:
    """Return the rows (axis 0) or columns (axis 1) [n, kernel] that outputs at `position` [n] see; -1 is padding."""
    stride = int(call.node.attributes.get("strides", (1, 1))[axis])
    dilation = int(call.node.attributes.get("dilations", (1, 1))[axis])
    before = pad_before(call, axis, dilation * (kernel - 1) + 1)
    index = position[:, None] * stride - before + dilation * np.arange(kernel)
    return np.where((index >= 0) & (index < call.input(0).shape[2 + axis]), index, -1)


def pad_before(call: Call, axis: int, extent: int) -> int:
    """Return the padding above or to the left, for a kernel that extends over so many pixels."""
    attributes = call.node.attributes
    automatic = attributes.get("auto_pad", b"NOTSET")
    if automatic not in (b"SAME_UPPER", b"SAME_LOWER"):
        return 0 if automatic == b"VALID" else int(attributes.get("pads", (0, 0, 0, 0))[axis])
    stride = int(attributes.get("strides", (1, 1))[axis])
    total = max(0, int(call.output.shape[2 + axis] - 1) * stride + extent - int(call.input(0).shape[2 + axis]))
    return total - total // 2 if automatic == b"SAME_LOWER" else total // 2


def padded(x: Array) -> Array:
    """Return [C, H + 1, W + 1] of an input [1, C, H, W], with zeros where index -1 points to."""
    return np.pad(x[0], ((0, 0), (0, 1), (0, 1)))
