"""The child: one process for one cell. What it does to itself, it does to no other cell."""

import json
import os
import resource
import socket
import time
from typing import Any, Callable, Dict, Tuple

import numpy as np

from harness.agent import frames
from harness.agent.blocks import blocks
from harness.agent.capture import capture
from harness.agent.chain import chain
from harness.agent.failures import AgentError
from harness.agent.health import health
from harness.agent.inference import Model, check_backend, check_runtime, joined
from harness.agent.limits import pin
from harness.agent.preprocess import prepared
from harness.agent.probe import probe
from harness.agent.store import verify
from harness.agent.timed import timed

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
        # A session cannot be cut: what it shows of fp16 is shown on the whole model, and the parts by themselves.
        whole = dict(self._setup, segments=[])
        arrays = (Model(whole) if self._setup.get("segments") else self._model).forward(image)[0]
        cut = {"chain": chain(self._setup, image)} if self._setup.get("segments") else {}
        return dict(probe(whole, image, arrays), **cut), b""

    def capture(self, request: frames.Header) -> Answer:
        """Say where the numbers leave those of full precision; in the payload, as figures may be infinite."""
        image = self._image(request, request["index"])
        arrays, _ = self._model.forward(image)
        figures = capture(self._setup, self._control(request), image, arrays)
        lines = [json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in figures]
        return {}, "\n".join(lines).encode("utf-8")

    def blocks(self, request: frames.Header) -> Answer:
        """Say what each block of the model does to its numbers; in the payload, as figures may be infinite."""
        image = self._image(request, request["index"])
        report = blocks(self._setup, self._control(request), request["segments"], image)
        return {}, json.dumps(report, separators=(",", ":")).encode("utf-8")

    def time(self, request: frames.Header) -> Answer:
        """Time one image, warm-up first; check that the output is the same at the end."""
        image = self._image(request, request["index"])
        return timed(self._model, image, request["warmup"], request["repeats"], self._state), b""

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

    def _control(self, request: frames.Header) -> str:
        path = str(request["control_path"])
        verify(path)
        return path

    def _state(self) -> frames.Header:
        return health(os.path.dirname(self._setup["model_path"]))

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
    names = ("open", "infer", "probe", "capture", "blocks", "time", "close")
    operations = {name: getattr(cell, name) for name in names}  # type: Dict[str, Callable[[frames.Header], Answer]]
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
