"""What is known of the tensors of a graph: onnxruntime is asked, for what a graph says of them may be missing."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.models.reference import Inside

if TYPE_CHECKING:
    from onnx import ModelProto

Shape = tuple[int, ...]


class Known:
    """A model's tensors, for each of some images.

    Args:
        model: the model as it is now.
        images: how many there are.
        fed: returns one of them, float32 [1, C, H, W].
    """

    def __init__(self, model: "ModelProto", images: int, fed: Callable[[int], NDArray[np.float32]]) -> None:
        weights = {each.name for each in model.graph.initializer}
        self._input = next(each.name for each in model.graph.input if each.name not in weights)
        self._model, self._images, self._fed = model, images, fed

    def shapes(self, names: Sequence[str]) -> dict[str, Shape]:
        """Return the shapes of computed tensors.

        Raises:
            FarmError: (reference-failed) onnxruntime cannot run the model.
        """
        return {name: tuple(np.shape(value)) for name, value in next(self._values(names, 1)).items()}

    def values(self, names: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the values of computed tensors by name, once for each image.

        Raises:
            FarmError: (reference-failed) onnxruntime cannot run the model.
        """
        return self._values(names, self._images)

    def _values(self, names: Sequence[str], images: int) -> Iterator[dict[str, NDArray[Any]]]:
        import onnx

        inner = [name for name in dict.fromkeys(names) if name != self._input]
        watched = onnx.ModelProto.FromString(self._model.SerializeToString())
        outputs = {each.name for each in watched.graph.output}
        # Of a tensor without a type onnxruntime finds out the type by itself.
        watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner if name not in outputs)
        with tempfile.TemporaryDirectory(prefix="farm-known-") as folder:
            path = Path(folder, "watched.onnx")
            onnx.save(watched, str(path))
            inside = Inside(path, self._input, inner or [watched.graph.output[0].name])
        for index in range(images):
            image = self._fed(index)
            found = {**inside(image), self._input: image}
            yield {name: found[name] for name in names}
