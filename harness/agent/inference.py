"""One model in one configuration, run by MNN's module interface: what an application would run."""

import time
from typing import Any, List, Sequence, Tuple

import MNN
import numpy as np

from harness.agent.failures import AgentError

CPU = 0
BACKEND_NAMES = {2: "CUDA", 3: "OPENCL", 5: "NN", 7: "VULKAN"}


class Model:
    """A loaded model.

    Attributes:
        first_ms: how long the first inference took, milliseconds; None before it.
    """

    def __init__(self, setup: "dict[str, Any]") -> None:
        runtime = MNN.nn.create_runtime_manager((setup["runtime"],))
        if runtime is None:
            raise AgentError("model-load-failed", "MNN made no runtime for %s" % (setup["runtime"],))
        for number, value in setup["hints"]:
            runtime.set_hint(number, value)
        self._runtime = runtime  # the module uses it and does not keep it alive
        self._outputs = list(setup["outputs"])
        self._module = MNN.nn.load_module_from_file(
            setup["model_path"], list(setup["inputs"]), self._outputs, runtime_manager=runtime
        )
        if self._module is None:
            raise AgentError("model-load-failed", "MNN cannot load this model file")
        self.first_ms: "float | None" = None

    def forward(self, image: "np.ndarray") -> Tuple[List["np.ndarray"], float]:
        """Run one image, float32 [1, C, H, W]; return the outputs and the time it took, milliseconds."""
        given = MNN.expr.const(image, list(image.shape), MNN.expr.NCHW)
        began = time.perf_counter()
        results = self._module.forward([given])
        # Reading is what waits for the computation, so it belongs to the time.
        arrays = [_plain(result) for result in results]
        elapsed = (time.perf_counter() - began) * 1000
        if self.first_ms is None:
            self.first_ms = elapsed
        return arrays, elapsed


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


def _plain(result: Any) -> "np.ndarray":
    # An output can be in the engine's own layout, in which its numbers would come scrambled.
    return np.array(MNN.expr.convert(result, MNN.expr.NCHW).read(), copy=True)
