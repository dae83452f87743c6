"""The folder that a run keeps fleeting files in, and what a coordinator that was killed left of its own.

Ray's processes outlive a driver that is killed by up to a minute and a half, its folder and the temporary files of
whatever worked for the run for good. Each folder says whose it is, and all processes of the run are known by it; so
the next run can end and remove what nobody owns any more.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

from harness.emulator.processes import descendants, is_running, process

_PREFIX = "farm-ray-"
_OF_MULTIPROCESSING = "tmp/pymp-*"
_OWNER = "owner"
_VARIABLE = "TMPDIR"
_PATIENCE_S = 30.0
"""A process that is killed needs a moment of a core to end, and a machine may have none to spare."""
_PAUSE_S = 0.05


@contextmanager
def scratch(root: Path | None = None) -> Iterator[Path]:
    """Give a folder of this process's own below `root` (default: where temporary files go).

    After it, processes that still use the folder are ended (one that is frozen hears of no end), and it is removed.
    """
    reap(root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    try:
        mine = process(os.getpid())
        (folder / _OWNER).write_text(f"{os.getpid()} {mine.started if mine else 0}\n")
        yield folder
    finally:
        _end(folder)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder: now, or where multiprocessing has its own in it, once that has removed it at the very end."""
    if any(folder.glob(_OF_MULTIPROCESSING)):
        Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-1000)
    else:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let this process, and all that it starts meanwhile, make temporary files below `folder`, and be known by it."""
    place = folder / "tmp"
    place.mkdir(mode=0o700)
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(place)
    tempfile.tempdir = None  # Python looks at the variable only once
    try:
        yield
    finally:
        tempfile.tempdir = None
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before


def reap(root: Path | None = None) -> list[Path]:
    """End the processes and remove the folders of owners that are gone; return the folders.

    Touched are folders of this user only, and processes that are known by such a folder (`_users`).
    """
    orphans = [folder for folder in _folders(root) if not _is_owned(folder)]
    for folder in orphans:
        _end(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return orphans


def _folders(root: Path | None) -> list[Path]:
    found = sorted((root or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"))
    return [folder for folder in found if not folder.is_symlink() and folder.is_dir() and _is_mine(folder)]


def _is_mine(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_uid == os.getuid()
    return False


def _is_owned(folder: Path) -> bool:
    try:
        pid, started = map(int, (folder / _OWNER).read_text().split())
    except FileNotFoundError:
        # It may be just being made. Where it is old and nobody uses it, its maker did not live to sign it.
        return time.time() - _changed(folder) < 60.0 or bool(_users(folder))
    except (OSError, ValueError):
        return True  # not understood, so not ours to remove
    return is_running(pid, started)


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _end(folder: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while (left := _users(folder)) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_S)


def _users(folder: Path) -> list[int]:
    """Return this user's other processes that are known by the folder, and what they started.

    Known by their command line, their environment, or a file that they have open there. No single one will do: Ray's
    workers and agents write their title over their command line and the beginning of their environment, and workers
    of ours are not told of the folder in their command line.
    """
    others = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()]
    known = [int(entry.name) for entry in others if _is_mine(entry) and _knows(entry, f"{folder}/".encode())]
    below = [one.pid for pid in known for one in descendants(pid)]
    return [pid for pid in dict.fromkeys([*known, *below]) if pid != os.getpid() and not _is_zombie(pid)]


def _knows(entry: Path, mark: bytes) -> bool:
    with contextlib.suppress(OSError):
        if mark in (entry / "cmdline").read_bytes() + b"/" + (entry / "environ").read_bytes():
            return True
        return any(mark in os.fsencode(link) for link in _open_files(entry))
    return False


def _open_files(entry: Path) -> Iterator[Path]:
    for link in (entry / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            yield link.readlink()


def _is_zombie(pid: int) -> bool:
    found = process(pid)
    return found is None or found.state == "Z"
