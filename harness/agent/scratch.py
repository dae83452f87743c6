"""Arrays in a file without a name, for what does not fit into a board's memory."""

import hashlib
import os
import tempfile
from typing import Dict, Iterator, NamedTuple, Tuple

import numpy as np

from harness.agent.failures import AgentError
from harness.agent.health import disk_free_mb
from harness.agent.limits import files_up_to

MOST = 1 << 30
"""Bytes that a scratch file may have; never more than half of what the disk has left."""

PART = 1 << 16
"""How many elements are read at a time."""

_MB = 1 << 20


class Place(NamedTuple):
    """An array in the file; `digest` is equal where arrays are equal to the bit."""

    offset: int
    shape: Tuple[int, ...]
    dtype: str
    digest: bytes


class Scratch:
    """The file. It is gone with the process, however that ends.

    Attributes:
        size: bytes written; an array that is there already is not written again.
    """

    def __init__(self, folder: str) -> None:
        free = disk_free_mb(folder)
        self._most = MOST if free is None else min(MOST, free * _MB // 2)
        # Unbuffered: a write shall happen when we say so, while the file may grow.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by __exit__
        self._known: Dict[bytes, int] = {}
        self.size = 0

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, array: "np.ndarray") -> Place:
        """Keep an array.

        Raises:
            AgentError: disk-full, what is kept would be too large.
            OSError: it cannot be written.
        """
        known = digest(array)
        if known not in self._known:
            self._known[known] = self._append(_bytes(array))
        return Place(self._known[known], tuple(array.shape), array.dtype.str, known)

    def read(self, place: Place) -> "np.ndarray":
        """Return an array as it was written."""
        return self._elements(place, 0, _count(place)).reshape(place.shape)

    def parts(self, place: Place) -> "Iterator[np.ndarray]":
        """Give an array's elements, [PART] of them at a time."""
        for first in range(0, _count(place), PART):
            yield self._elements(place, first, min(PART, _count(place) - first))

    def _elements(self, place: Place, first: int, count: int) -> "np.ndarray":
        kind = np.dtype(place.dtype)
        self._file.seek(place.offset + first * kind.itemsize)
        return np.fromfile(self._file, kind, count)

    def _append(self, data: memoryview) -> int:
        begin, end = self.size, self.size + len(data)
        if end > self._most:
            what = "more than %d MB would have to be kept, the bound for this disk" % (self._most // _MB)
            raise AgentError("disk-full", "keeping the operators' numbers: " + what)
        with files_up_to(self._most):
            while self.size < end:
                self.size += os.pwrite(self._file.fileno(), data[self.size - begin :], self.size)
        return begin


def digest(array: "np.ndarray") -> bytes:
    """Return what is equal for arrays of the same type and, to the bit, the same elements."""
    found = hashlib.blake2b(array.dtype.str.encode("ascii"), digest_size=16)
    found.update(_bytes(array))
    return found.digest()


def _count(place: Place) -> int:
    return int(np.prod(place.shape))


def _bytes(array: "np.ndarray") -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
