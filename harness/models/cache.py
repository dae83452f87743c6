"""A small cache of files named by what they were made from, shared by all runs of this user.

An entry is a file and, beside it, `<file>.json` with the file's sha256 and notes on how it was made. Whoever
makes an entry holds a kernel lock on `<file>.lock`, so that two runs that want the same entry make it once
and then see the same bytes.
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Notes = dict[str, object]

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def key_of(**parts: object) -> str:
    """Return the sha256 of named parts (anything that JSON holds), hexadecimal."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees a part of it.

    Raises:
        OSError: the folder cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def look_up(path: Path) -> Notes | None:
    """Return an entry's notes, or None where the entry is missing or no longer the bytes that were kept."""
    try:
        notes = json.loads(_notes_path(path).read_text(encoding="utf-8"))
        intact = isinstance(notes, dict) and notes.get("sha256") == sha256_of(path)
    except (OSError, ValueError):
        return None
    return notes if intact else None


def keep(path: Path, data: bytes, **notes: object) -> Notes:
    """Store an entry and return its notes, the file's sha256 among them. Call it within `making`.

    Raises:
        OSError: the cache cannot be written.
    """
    kept: Notes = {**notes, "sha256": hashlib.sha256(data).hexdigest()}
    # The notes go first: a file without its notes' hash is damaged, and is made again.
    write_atomic(_notes_path(path), json.dumps(kept, sort_keys=True).encode())
    write_atomic(path, data)
    return kept


@contextmanager
def making(path: Path) -> Iterator[None]:
    """Hold the right to make an entry; waits while another thread or process makes the same one.

    Raises:
        OSError: the cache cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _notes_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")
