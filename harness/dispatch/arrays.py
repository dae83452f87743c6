"""The evidence folder: arrays as .npy files, named by their content."""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError

Array = NDArray[np.float32] | NDArray[np.int64]
FOLDER = "evidence"


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
            self._folder.mkdir(parents=True, exist_ok=True)
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
        array: Array = np.load(io.BytesIO(data), allow_pickle=False)
        return array

    def holds(self, digest: str) -> bool:
        """Return whether `load` would give this array."""
        try:
            self.load(digest)
        except FarmError:
            return False
        return True

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.npy"


def npy_bytes(array: NDArray[np.generic]) -> bytes:
    """Return an array as the bytes of a .npy file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def npy_digest(array: NDArray[np.generic]) -> str:
    """Return the name of an array in the evidence folder: the sha256 of its .npy file."""
    return hashlib.sha256(npy_bytes(array)).hexdigest()
