"""The times of one image, and whether the answer is still the same after it."""

from typing import Any, Callable, Dict, List

import numpy as np


def timed(
    model: Any, image: "np.ndarray", warmup: int, repeats: int, state: "Callable[[], Dict[str, Any]]"
) -> Dict[str, Any]:
    """Time one image, warm-up first; `state` tells how the device is, right before and right after."""
    before = _bytes(model, image)
    for _ in range(warmup):
        model.forward(image)
    states = [state()]  # while the cores are warm and busy: an idle governor's clock says nothing
    samples = [model.forward(image)[1] for _ in range(repeats)]
    states.append(state())
    found = {"first_ms": model.first_ms, "samples_ms": samples, "health": states}
    return dict(found, output_unchanged=_bytes(model, image) == before)


def _bytes(model: Any, image: "np.ndarray") -> List[bytes]:
    return [array.tobytes() for array in model.forward(image)[0]]
