"""What goes into a model and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import Code, InputError

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """The one input and the one output that are used.

    Attributes:
        input_shape: (1, C, H, W), C being 1 or 3.
        output_shape: (1, classes).
    """

    input_name: str
    input_shape: Shape
    output_name: str
    output_shape: Shape

    @property
    def channels(self) -> int:
        """C of the input."""
        return self.input_shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the input, pixels."""
        return self.input_shape[2], self.input_shape[3]

    @property
    def classes(self) -> int:
        """How many numbers come out for one image."""
        return self.output_shape[1]


def choose_output(outputs: Mapping[str, Shape], name: str) -> tuple[str, Shape]:
    """Return the one output of shape [1, classes] of the model called `name`.

    Raises:
        InputError: (bad-model) there is none, or there are several.
    """
    fitting = {key: shape for key, shape in outputs.items() if len(shape) == 2 and shape[0] == 1}
    if len(fitting) != 1:
        seen = ", ".join(f"{key} {list(shape)}" for key, shape in outputs.items())
        raise InputError(Code.BAD_MODEL, f"model {name}: needs exactly one output [1, classes], has {seen}")
    return next(iter(fitting.items()))
