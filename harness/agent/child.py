"""The child: one process for one cell. What it does to itself, it does to no other cell."""

import os
import resource
import socket
import time
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

from harness.agent import frames
from harness.agent.failures import AgentError
from harness.agent.inference import Model, check_backend, check_runtime, joined
from harness.agent.preprocess import prepared
from harness.agent.probe import probe
from harness.agent.store import verify

Answer = Tuple[frames.Header, bytes]


class Cell:
    """The operations on one cell; see the protocol."""

    def __init__(self) -> None:
        self._setup: Dict[str, Any] = {}
        self._model: Any = None
        self._batches: Dict[str, np.ndarray] = {}

    def open(self, request: frames.Header) -> Answer:
        """Load the model."""
        check_runtime(request["runtime"])
        pin(request["cpus"])
        check_backend(request["runtime"]["backend"])
        verify(request["model_path"])
        began = time.perf_counter()
        self._setup = request
        self._model = Model(request)
        return {"load_ms": (time.perf_counter() - began) * 1000}, b""

    def infer(self, request: frames.Header) -> Answer:
        """Answer some images of a batch."""
        if request["count"] < 1:
            raise AgentError("protocol", "no image was asked for")
        numbers = range(request["first"], request["first"] + request["count"])
        results = [self._model.forward(self._image(request, index)) for index in numbers]
        outputs = joined([arrays for arrays, _ in results])
        described = [
            {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
            for name, array in zip(self._setup["outputs"], outputs)
        ]
        payload = b"".join(np.ascontiguousarray(array).tobytes() for array in outputs)
        return {"outputs": described, "infer_ms": [elapsed for _, elapsed in results]}, payload

    def probe(self, request: frames.Header) -> Answer:
        """Say what really ran."""
        image = self._image(request, request["index"])
        arrays, _ = self._model.forward(image)
        return probe(self._setup, image, arrays), b""

    def time(self, request: frames.Header) -> Answer:
        """Time one image, warm-up first; check that the output is the same at the end."""
        image = self._image(request, request["index"])
        before = self._bytes(image)
        for _ in range(request["warmup"]):
            self._model.forward(image)
        samples = [self._model.forward(image)[1] for _ in range(request["repeats"])]
        unchanged = self._bytes(image) == before
        return {"first_ms": self._model.first_ms, "samples_ms": samples, "output_unchanged": unchanged}, b""

    def close(self, request: frames.Header) -> Answer:
        """Report the peak of resident memory; the process ends after it."""
        del request
        return {"max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, b""

    def identity(self, request: frames.Header) -> frames.Header:
        """Say which cell answers, and about which batch: no answer must pass for another cell's.

        Raises:
            AgentError: protocol, another cell was asked.
        """
        own = self._setup.get("cell")
        if request.get("cell") != own:
            raise AgentError("protocol", "the cell %s was asked what %s should answer" % (own, request.get("cell")))
        return {"cell": own, "batch": request.get("batch")}

    def _bytes(self, image: "np.ndarray") -> List[bytes]:
        return [array.tobytes() for array in self._model.forward(image)[0]]

    def _image(self, request: frames.Header, index: int) -> "np.ndarray":
        path = request["batch_path"]
        if path not in self._batches:
            verify(path)
            self._batches = {path: np.load(path, mmap_mode="r", allow_pickle=False)}
        batch = self._batches[path]
        if batch.ndim != 4 or not 0 <= index < len(batch):
            raise AgentError("inference-failed", "the batch %s has no image %d" % (batch.shape, index))
        return prepared(batch, index, request["mean"], request["std"])


def serve(sock: socket.socket) -> None:
    """Answer requests until the other end closes, or `close`."""
    cell = Cell()
    stream = sock.makefile("rb")
    operations = {
        "open": cell.open,
        "infer": cell.infer,
        "probe": cell.probe,
        "time": cell.time,
        "close": cell.close,
    }  # type: Dict[str, Callable[[frames.Header], Answer]]
    while True:
        try:
            request, _ = frames.read(stream)
        except EOFError:
            return
        sock.sendall(_answer(cell, operations, request))
        if request["op"] == "close":
            return


def _answer(cell: Cell, operations: "Dict[str, Callable[[frames.Header], Answer]]", request: frames.Header) -> bytes:
    try:
        header, payload = operations[request["op"]](request)
        return frames.encode(dict(header, ok=True, **cell.identity(request)), payload)
    except AgentError as error:
        return frames.encode(error.reply())
    except MemoryError:
        return frames.encode(AgentError("out-of-memory", "not enough memory for this model").reply())
    except Exception as error:  # noqa: BLE001 - the child's boundary: the engine raises what it likes
        code = "model-load-failed" if request["op"] == "open" else "inference-failed"
        return frames.encode(AgentError(code, "%s: %s" % (type(error).__name__, error)).reply())


def limit_files(size: int) -> None:
    """Let no file that this process writes grow beyond `size` bytes: an engine may print without end."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def pin(cpus: object) -> None:
    """Run on the cores named only.

    Raises:
        AgentError: inference-failed, the device has no such cores for us.
    """
    if not isinstance(cpus, list):
        return
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        raise AgentError("inference-failed", "the cores %s cannot be used: %s" % (cpus, error)) from error
