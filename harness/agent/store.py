"""The content-addressed store: a file's name is the sha256 of its content, and it is checked before it counts."""

import contextlib
import hashlib
import os
import re
from typing import Any, BinaryIO, Dict, Iterable, List

from harness.agent.failures import AgentError, from_os_error

_DIGEST = re.compile("[0-9a-f]{64}")
MAX_SIZE = 4 << 30
_BLOCK = 1 << 20


class Store:
    """Objects in one folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._open: Dict[str, _Upload] = {}

    def path(self, digest: object) -> str:
        """Return where an object is.

        Raises:
            AgentError: protocol, this is no digest; store-corrupt, there is no such object.
        """
        path = os.path.join(self._folder, _checked(digest))
        if not os.path.isfile(path):
            raise AgentError("store-corrupt", "object %s is not in the store" % digest)
        return path

    def missing(self, digests: Iterable[object]) -> List[str]:
        """Return those digests that no object has."""
        names = [_checked(digest) for digest in digests]
        return [name for name in names if not os.path.isfile(os.path.join(self._folder, name))]

    def put(self, digest: object, size: object, offset: object, chunk: bytes) -> bool:
        """Take the next part of an object; return whether it is complete and stored.

        Raises:
            AgentError: store-corrupt, disk-full, workdir-unusable, protocol.
        """
        name = _checked(digest)
        if not isinstance(size, int) or not 0 <= size <= MAX_SIZE or not isinstance(offset, int):
            raise AgentError("protocol", "put needs size and offset")
        try:
            if offset == 0:
                self._abandon(name)
                self._open[name] = _Upload(os.path.join(self._folder, name))
            return self._take(name, size, offset, chunk)
        except OSError as error:
            self._abandon(name)
            raise from_os_error(error, "storing an object") from error

    def _take(self, name: str, size: int, offset: int, chunk: bytes) -> bool:
        upload = self._open.get(name)
        if upload is None:
            raise AgentError("protocol", "a part of an object that was not begun")
        if offset != upload.received or offset + len(chunk) > size:
            self._abandon(name)
            raise AgentError("store-corrupt", "a part of an object is out of place")
        upload.add(chunk)
        if upload.received < size:
            return False
        del self._open[name]
        upload.finish(name)
        return True

    def _abandon(self, name: str) -> None:
        upload = self._open.pop(name, None)
        if upload is not None:
            upload.discard()


class _Upload:
    """An object on its way in, under a temporary name."""

    def __init__(self, path: str) -> None:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self._path = path
        self._part = "%s.%d.part" % (path, os.getpid())
        self._file: BinaryIO = open(self._part, "wb")  # noqa: SIM115 - closed by finish or discard
        self._sum: Any = hashlib.sha256()
        self.received = 0

    def add(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._sum.update(chunk)
        self.received += len(chunk)

    def finish(self, digest: str) -> None:
        if self._sum.hexdigest() != digest:
            self.discard()
            raise AgentError("store-corrupt", "an object's bytes changed on their way to the device")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._part, self._path)
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        # On a disk that fails, these may fail too; what counts is why the object could not be stored.
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._part)


def verify(path: str) -> None:
    """Check that an object's bytes are still what its name says; one that is damaged is removed, to be sent again.

    Raises:
        AgentError: store-corrupt.
    """
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(_BLOCK), b""):
            found.update(part)
    if found.hexdigest() != os.path.basename(path):
        os.unlink(path)
        raise AgentError("store-corrupt", "an object in the device's store was damaged, and is removed")


def _checked(digest: object) -> str:
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise AgentError("protocol", "not a sha256: %r" % (digest,))
    return digest
