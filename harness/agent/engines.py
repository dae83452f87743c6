"""An engine on the device: wheels from the store, unpacked once, each member checked before it is written."""

import hashlib
import os
import re
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

    Raises:
        AgentError: protocol, store-corrupt, disk-full, workdir-unusable.
    """
    if not isinstance(version, str) or not _VERSION.fullmatch(version) or ".." in version:
        raise AgentError("protocol", "not a version: %r" % (version,))
    key = hashlib.sha256("".join(wheel.digest for wheel in wheels).encode("ascii")).hexdigest()[:16]
    target = os.path.join(folder, "%s-%s" % (version, key))
    if os.path.isfile(os.path.join(target, _DONE)):
        return target, False
    _make(target, wheels)
    return target, True


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
