"""A session: MNN's older interface, which lets one look at every operator as it runs."""

import collections
from typing import Any, Callable, Dict, List, Tuple

import MNN
import numpy as np

from harness.agent.failures import AgentError
from harness.agent.values import host

Key = Tuple[str, int]
"""An operator's name, and how many of the same name ran before it: engines give some names twice."""

Callback = Callable[[List[Any], Any], bool]
Look = Callable[[Key, List[Any], Any], None]
"""Takes an operator, its inputs or outputs, and what the engine says of it."""


class Session:
    """A session on one image; nothing has run yet."""

    def __init__(self, setup: Dict[str, Any], image: "np.ndarray") -> None:
        # The network must live as long as its tensors.
        self._network = MNN.Interpreter(setup["model_path"])
        for number, value in setup["hints"]:
            self._network.setSessionHint(number, value)
        self._names = list(setup["outputs"])
        self._session = self._network.createSession(dict(setup["runtime"]))
        given = MNN.Tensor(tuple(image.shape), MNN.Halide_Type_Float, image, MNN.Tensor_DimensionType_Caffe)
        self._network.getSessionInput(self._session, setup["inputs"][0]).copyFrom(given)

    def run(self, before: Callback, after: Callback) -> None:
        """Run; what the callbacks return must be true, or the session ends."""
        self._network.runSessionWithCallBackInfo(self._session, before, after)

    def watch(self, enter: Look, leave: Look) -> None:
        """Run; `enter` sees every operator's inputs before it runs, `leave` its outputs after.

        Raises:
            AgentError, OSError, ValueError, MemoryError: what a look raised; the engine stops there.
        """
        seen: "collections.Counter[str]" = collections.Counter()
        failures: List[Exception] = []

        def guarded(look: Look, tensors: List[Any], info: Any) -> bool:
            name = str(info.getName())
            try:
                if not failures:
                    look((name, seen[name]), tensors, info)
            except (AgentError, OSError, ValueError, MemoryError) as error:
                failures.append(error)  # the engine would make another error of it
            return not failures

        def after(tensors: List[Any], info: Any) -> bool:
            going_on = guarded(leave, tensors, info)
            seen[str(info.getName())] += 1
            return going_on

        self.run(lambda tensors, info: guarded(enter, tensors, info), after)
        if failures:
            raise failures[0]

    def outputs(self) -> "List[np.ndarray]":
        """Return the outputs of the last run."""
        return [host(self._network.getSessionOutput(self._session, name)) for name in self._names]

    def info(self, what: int) -> Any:
        """Return one of the engine's figures on the session."""
        value = self._network.getSessionInfo(self._session, what)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        return value if isinstance(value, (int, float)) else None


def equal(one: "List[np.ndarray]", other: "List[np.ndarray]") -> bool:
    """Whether outputs are equal to the bit, NaN included; a session may leave out axes of length 1."""
    return [(array.dtype, array.tobytes()) for array in one] == [(array.dtype, array.tobytes()) for array in other]
