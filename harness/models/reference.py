"""onnxruntime in fp32 on this machine's CPU: the reference that every device is held against."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.models.signature import Shape, Signature

_QUIET = 3  # onnxruntime logs errors only; they arrive as exceptions too


def version() -> str:
    """Return the version of the installed onnxruntime, without importing it."""
    return metadata.version("onnxruntime")


def output_shapes(path: Path, input_name: str, input_shape: Shape) -> dict[str, Shape]:
    """Return the shape of every output of an .onnx file, found by running it once on zeros.

    Raises:
        FarmError: (reference-failed) onnxruntime cannot load or run the model.
    """
    session = Session(path, threads=1)
    arrays = session.run(None, {input_name: np.zeros(input_shape, np.float32)})
    return {name: tuple(array.shape) for name, array in zip(session.output_names, arrays, strict=True)}


def fold_constants(path: Path, folded: Path) -> None:
    """Write a copy of an .onnx file in which everything that does not depend on the image is a constant.

    Raises:
        FarmError: (reference-failed) onnxruntime cannot load the model.
    """
    Session(path, threads=1, folded=folded)


class Inside:
    """An .onnx file that answers with its outputs `names`, whatever they are; no operator is changed or left out."""

    def __init__(self, path: Path, input_name: str, names: Sequence[str]) -> None:
        self._session = Session(path, threads=1, as_written=True)
        self._input, self._names = input_name, list(names)

    def __call__(self, image: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Return the tensors by name for an image [1, C, H, W].

        Raises:
            FarmError: (reference-failed) onnxruntime failed.
        """
        arrays = self._session.run(self._names, {self._input: image})
        return dict(zip(self._names, arrays, strict=True))


class Reference:
    """An .onnx file ready to answer, one image at a time; `as_written`: with no operator changed or left out."""

    def __init__(self, path: Path, signature: Signature, *, threads: int, as_written: bool = False) -> None:
        self._session = Session(path, threads=threads, as_written=as_written)
        self._signature = signature

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output [1, classes] for an image [1, C, H, W].

        Raises:
            FarmError: (reference-failed) onnxruntime failed, or its output is not float32 of that shape.
        """
        output = self._session.run([self._signature.output_name], {self._signature.input_name: image})[0]
        if output.dtype != np.float32 or output.shape != self._signature.output_shape:
            raise FarmError(
                Code.REFERENCE_FAILED,
                f"the reference's output {self._signature.output_name} is {output.dtype} {list(output.shape)}, "
                f"not float32 {list(self._signature.output_shape)}",
            )
        return np.asarray(output, np.float32)


class Session:
    """An onnxruntime session that gives the same bits each time and fails in our own words.

    It takes an .onnx file, or the bytes of one.
    """

    def __init__(
        self, model: Path | bytes, *, threads: int, folded: Path | None = None, as_written: bool = False
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = _QUIET
        if folded is not None:
            # The basic level writes standard operators only.
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.optimized_model_filepath = str(folded)
        if as_written:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            given = str(model) if isinstance(model, Path) else model
            self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        except failures() as error:
            name = model.name if isinstance(model, Path) else "the model"
            raise FarmError(Code.REFERENCE_FAILED, f"onnxruntime cannot load {name}: {error}") from error
        self.output_names: list[str] = [each.name for each in self._session.get_outputs()]

    def run(self, outputs: list[str] | None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[Any]]:
        """Run once.

        Raises:
            FarmError: (reference-failed) onnxruntime failed.
        """
        try:
            arrays: list[NDArray[Any]] = self._session.run(outputs, feed)
        except failures() as error:
            raise FarmError(Code.REFERENCE_FAILED, f"onnxruntime cannot run the model: {error}") from error
        return arrays


def failures() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises; its exceptions have no base class of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return tuple(each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception))
