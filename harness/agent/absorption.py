"""Which convolutions round their input to int8: those whose output ignores what rounding takes away.

A convolution with dynamic quantisation rounds its input to steps of its range / 255. So, before each
convolution runs, its input is overwritten: with whole steps between two extremes, and in a second pass with
the same numbers, each moved by an eighth of a step. An int8 convolution then answers the same to the bit, all
over; one that multiplies floats does not. Measured with EfficientViT-B0 and M0 on x86-64 and emulated cortex-a72,
cortex-a76, a64fx and max: 100 % of the outputs of every int8 convolution unchanged, at most 29 % of a dense
float one (float16, where the numbers are coarse) and at most 56 % of a depthwise one (its activation clips).

The extremes stand in two of every 32 channels of every pixel, so that it does not matter whether the engine takes
the range of the tensor, of a pixel or of a block. They are -127 and 128 steps and all others at most 31, so that it
does not matter either whether a step is the range / 255 or the largest magnitude / 127.
"""

import zlib
from typing import Any, Callable, Dict, Optional

import MNN
import numpy as np

from harness.agent.values import host

_STEP = 1.0 / 64
_MOVED = 0.125
_BLOCK = 32
_MANY = 31
_PERIODS = (4099, 4093)
"""Prime, so that neither channels nor pixels repeat."""

_MIN_DIFFERENT = 8
"""An output with fewer different values may be equal by chance."""

Run = Callable[[Callable[..., bool], Callable[..., bool]], None]
"""Runs the session with a callback before and one after each operator."""


def is_convolution(kind: str) -> bool:
    """Whether an operator is a convolution of floats, as the engine names it."""
    return kind.startswith("Convolution") and "DT_INT8" not in kind


def fingerprint(values: "np.ndarray") -> int:
    """Return a checksum of an array, equal where the array is equal to the bit."""
    return zlib.crc32(np.ascontiguousarray(values).tobytes())


def absorbing(run: Run, ordinary: Dict[str, int]) -> Dict[str, Optional[bool]]:
    """Return, for each float convolution by name, whether it rounds its input; None where it is not known.

    Args:
        run: runs the session once.
        ordinary: fingerprints of the convolutions' outputs in an ordinary run. An output that stays as it was when
            the input is overwritten was not computed from it, so it shows nothing.
    """
    still, moved = _answers(run, 0.0), _answers(run, _MOVED)
    return {
        name: None if one is None or one == ordinary.get(name) else one == moved.get(name)
        for name, one in still.items()
    }


def stimulus(shape: "tuple[int, ...]", moved: float) -> "np.ndarray":
    """Return an input, float32 [N, C, H, W]: whole steps, but for the extremes each `moved` by a part of a step."""
    random = np.random.RandomState(0)
    steps = np.resize(random.randint(-_MANY, _MANY + 1, _PERIODS[0]).astype(np.float32), shape)
    steps += np.resize(random.choice([-moved, moved], _PERIODS[1]).astype(np.float32), shape)
    if shape[1] > 2:
        steps[:, 0::_BLOCK], steps[:, 1::_BLOCK] = -127, 128
    else:  # they would leave no channel to move
        steps.reshape(-1)[[0, -1]] = -127, 128
    return steps * np.float32(_STEP)


def _answers(run: Run, moved: float) -> Dict[str, Optional[int]]:
    found = {}  # type: Dict[str, Optional[int]]

    def before(tensors: Any, info: Any) -> bool:
        if is_convolution(info.getType()):
            shape = tuple(tensors[0].getShape())
            if len(shape) == 4:
                given = stimulus(shape, moved)
                tensors[0].copyFrom(MNN.Tensor(shape, MNN.Halide_Type_Float, given, MNN.Tensor_DimensionType_Caffe))
        return True

    def after(tensors: Any, info: Any) -> bool:
        if is_convolution(info.getType()):
            found[info.getName()] = _telling(host(tensors[0]))
        return True

    run(before, after)
    return found


def _telling(values: "np.ndarray") -> Optional[int]:
    sample = values.ravel()[:: values.size // 1024 + 1]
    different = set(sample[np.isfinite(sample)].tolist())
    return fingerprint(values) if len(different) >= _MIN_DIFFERENT else None
