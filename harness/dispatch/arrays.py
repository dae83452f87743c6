"""The evidence folder: arrays as .npy files, named by their content."""

import hashlib
import io
import math
import re
import tokenize
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError

Array = NDArray[np.float32] | NDArray[np.int64]
FOLDER = "evidence"

_DIGEST = re.compile("[0-9a-f]{64}")
_DTYPES = (np.dtype(np.float32), np.dtype(np.int64))
_DAMAGED = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    SyntaxError,
    OverflowError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)
"""What numpy's reader of headers raises."""


class ArrayStore:
    """Keeps arrays under `folder/evidence`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def save(self, array: Array) -> str:
        """Store an array and return the sha256 of its .npy file."""
        data = npy_bytes(array)
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        # A file that a crash or a full disk left damaged is written anew.
        if not path.is_file() or path.read_bytes() != data:
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            new = path.with_suffix(".part")
            new.write_bytes(data)
            new.replace(path)
        return digest

    def load(self, digest: str) -> Array:
        """Return a stored array.

        Raises:
            FarmError: evidence-missing, the file is not there or is not what its name says.
        """
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FarmError(Code.EVIDENCE_MISSING, f"{path} cannot be read: {error}.") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise FarmError(Code.EVIDENCE_MISSING, f"{path} is damaged: its content does not match its name.")
        try:
            return _array(data)
        except _DAMAGED as error:
            raise FarmError(Code.EVIDENCE_MISSING, f"{path} is no array of this farm: {error}.") from error

    def holds(self, digest: str) -> bool:
        """Return whether `load` would give this array."""
        try:
            self.load(digest)
        except FarmError:
            return False
        return True

    def _path(self, digest: str) -> Path:
        # It may come from a journal that somebody else wrote: a name with slashes would leave the folder.
        if not _DIGEST.fullmatch(digest):
            raise FarmError(Code.EVIDENCE_MISSING, f"{digest[:80]!r} names no evidence.")
        return self._folder / f"{digest}.npy"


def npy_bytes(array: NDArray[np.generic]) -> bytes:
    """Return an array as the bytes of a .npy file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def npy_digest(array: NDArray[np.generic]) -> str:
    """Return the name of an array in the evidence folder: the sha256 of its .npy file."""
    return hashlib.sha256(npy_bytes(array)).hexdigest()


def _array(data: bytes) -> Array:
    """Return the array of a .npy file, whose header is not believed: its size must be that of the data."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("its format is another")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    content = data[stream.tell() :]
    if fortran or dtype not in _DTYPES or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"its header says {shape}, {dtype}, for {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape)
