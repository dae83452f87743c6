"""Cells that need no verdict of their own, since another one gave the same outputs to the bit and is decided.

One model file, in one engine with one setting, on equal kernels, computes equal bits on every device. Where a
cell's first answers are equal to the bit to those of a cell that is decided, the rest would be equal too, and
measuring it again settles nothing. This rests on the computation being the same, not on a count of images; so the
cell names the other one, and the judge compares the outputs once more.
"""

import threading
from dataclasses import dataclass, field

from harness.dispatch.jobs import CellJob
from harness.evidence import CellKey
from harness.fleet.client import FloatArray

LEAST_IMAGES = 32
LEAST_LOOKS = 2
"""Equal outputs on fewer images or batches are not taken for equal kernels."""

_Work = tuple[str, str, str, str]


@dataclass(slots=True)
class Decided:
    """Outputs of the cells that were decided by their own answers, on all devices of a site; safe for threads."""

    _found: dict[_Work, list[tuple[CellKey, FloatArray]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, job: CellJob, outputs: FloatArray) -> None:
        """Remember a decided cell; outputs: float32 [images, classes...]."""
        with self._lock:
            self._found.setdefault(_work(job), []).append((job.key, outputs))

    def twin(self, job: CellJob, outputs: FloatArray, looks: int) -> CellKey | None:
        """Return a decided cell of another device that did the same work and gave these outputs, if there is one."""
        if looks < LEAST_LOOKS or len(outputs) < LEAST_IMAGES:
            return None
        with self._lock:
            known = list(self._found.get(_work(job), ()))
        for key, theirs in known:
            if key != job.key and theirs.dtype == outputs.dtype and _starts(theirs, outputs):
                return key
        return None


def _work(job: CellJob) -> _Work:
    return job.key.model, job.key.precision, job.key.engine, job.variant


def _starts(longer: FloatArray, shorter: FloatArray) -> bool:
    # Bytes, since equal numbers may differ in a bit (0 and -0), and NaN is not equal to itself.
    return longer[: len(shorter)].tobytes() == shorter.tobytes() and longer.shape[1:] == shorter.shape[1:]
