"""An engine on the device: wheels from the store, unpacked once, each member checked before it is written."""

import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, List, NamedTuple, Tuple

from harness.agent.failures import AgentError, from_os_error
from harness.agent.store import verify

if TYPE_CHECKING:
    import zipfile

MAX_UNPACKED = 2 << 30
_VERSION = re.compile(r"[0-9A-Za-z.+_-]{1,40}")
_DONE = ".complete"
_SYMLINK = 0o120000


class Wheel(NamedTuple):
    """A wheel in the store."""

    path: str
    digest: str


def unpack(folder: str, version: object, wheels: List[Wheel]) -> Tuple[str, bool]:
    """Unpack an engine's wheels below `folder`; return where they are and whether there was work to do.

    What another account might have written to is not run: it is unpacked anew.

    Raises:
        AgentError: protocol, store-corrupt, disk-full, workdir-unusable.
    """
    if not isinstance(version, str) or not _VERSION.fullmatch(version) or ".." in version:
        raise AgentError("protocol", "not a version: %r" % (version,))
    key = hashlib.sha256("".join(wheel.digest for wheel in wheels).encode("ascii")).hexdigest()[:16]
    target = os.path.join(folder, "%s-%s" % (version, key))
    try:
        _make_ours(folder)
        if os.path.isfile(os.path.join(target, _DONE)) and _is_ours(target, 0o077):
            return target, False
    except OSError as error:
        raise from_os_error(error, "the folder of the engines") from error
    _make(target, wheels)
    return target, True


def _make_ours(folder: str) -> None:
    """Make a folder that nobody else may write to; whatever is in one where others might is removed."""
    if os.path.lexists(folder) and not _is_ours(folder, 0o022):
        import shutil

        shutil.rmtree(folder)
    os.makedirs(folder, mode=0o700, exist_ok=True)


def _is_ours(folder: str, forbidden: int) -> bool:
    found = os.lstat(folder)
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return ours and not stat.S_IMODE(found.st_mode) & forbidden


def _make(target: str, wheels: List[Wheel]) -> None:
    import shutil  # these three are for the first time on a device only, and take theirs to import
    import zipfile
    import zlib

    part = "%s.%d.part" % (target, os.getpid())
    try:
        os.makedirs(part, mode=0o700)
        room = MAX_UNPACKED
        for wheel in wheels:
            verify(wheel.path)
            room -= _extract(wheel.path, part, room)
        with open(os.path.join(part, _DONE), "wb"):
            pass
        os.sync()  # a board may lose power: what is called complete must be on its disk
        shutil.rmtree(target, ignore_errors=True)
        os.rename(part, target)
    except OSError as error:
        raise from_os_error(error, "unpacking an engine") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise AgentError("store-corrupt", "a wheel cannot be unpacked: %s" % error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _extract(wheel: str, target: str, room: int) -> int:
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        if size > room:
            raise AgentError("store-corrupt", "the wheels unpack to more than %d bytes" % MAX_UNPACKED)
        for member in members:
            check_member(member)
        archive.extractall(target)
    return size


def check_member(member: "zipfile.ZipInfo") -> None:
    """Refuse a member that would land outside of the folder, or is a link.

    Raises:
        AgentError: store-corrupt.
    """
    name = member.filename
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts:
        raise AgentError("store-corrupt", "a wheel holds the path %r" % name)
    if (member.external_attr >> 16) & 0o170000 == _SYMLINK:
        raise AgentError("store-corrupt", "a wheel holds the link %r" % name)
