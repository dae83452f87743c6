"""One model in one configuration, run by MNN's module interface: what an application would run."""

import time
from typing import Any, Dict, List, Sequence, Tuple

import MNN
import numpy as np

from harness.agent.failures import AgentError
from harness.agent.part import Part, image_boundary, segments

CPU = 0
BACKEND_NAMES = {2: "CUDA", 3: "OPENCL", 5: "NN", 7: "VULKAN"}


class Model:
    """A loaded model: one module, or a chain of them with a precision each.

    Attributes:
        first_ms: how long the first inference took, milliseconds; None before it.
        parts: its modules, in the order in which they run.
    """

    def __init__(self, setup: "dict[str, Any]") -> None:
        runtimes: Dict[int, Any] = {}
        self.parts = [Part(setup, segment, runtimes) for segment in segments(setup)]
        self._input = setup["inputs"][0]
        self._outputs = list(setup["outputs"])
        self.first_ms: "float | None" = None

    def forward(self, image: "np.ndarray") -> Tuple[List["np.ndarray"], float]:
        """Run one image, float32 [1, C, H, W]; return the outputs and the time it took, milliseconds."""
        given = {self._input: image_boundary(image)}
        began = time.perf_counter()
        for part in self.parts:
            # Reading is what waits for the computation, so it belongs to the time, and so do the cuts.
            given.update(part.forward(given))
        elapsed = (time.perf_counter() - began) * 1000
        if self.first_ms is None:
            self.first_ms = elapsed
        return [given[name].array for name in self._outputs], elapsed


def check_runtime(runtime: "dict[str, Any]") -> None:
    """Refuse what MNN would silently ignore: it takes these keys and integers only.

    Raises:
        AgentError: protocol.
    """
    known = {"backend", "numThread", "precision", "memory", "power"}
    if set(runtime) != known or any(type(value) is not int for value in runtime.values()):
        raise AgentError("protocol", "not a run-time configuration of MNN: %s" % (runtime,))


def check_backend(backend: int) -> None:
    """Refuse a backend that the engine does not have: asked for it, MNN would silently use the CPU.

    Raises:
        AgentError: no-backend.
    """
    if backend == CPU:
        return
    name = BACKEND_NAMES.get(backend)
    there = MNN.Interpreter.createRuntime(({"backend": name},))[1] if name else (False,)
    if not all(there):
        raise AgentError("no-backend", "this engine has no backend %s" % (name or backend))


def joined(outputs: Sequence[Sequence["np.ndarray"]]) -> List["np.ndarray"]:
    """Return, for each output, the answers to all images as one array [images, ...]."""
    return [np.concatenate(one) for one in zip(*outputs)]
