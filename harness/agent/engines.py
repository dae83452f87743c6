"""An engine on the device: wheels from the store, unpacked once, each member checked before it is written."""

import hashlib
import os
import re
import shutil
import zipfile
from typing import List, NamedTuple, Tuple

from harness.agent.failures import AgentError, from_os_error

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
    part = "%s.%d.part" % (target, os.getpid())
    try:
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part, mode=0o700)
        for wheel in wheels:
            _extract(wheel.path, part)
        with open(os.path.join(part, _DONE), "wb"):
            pass
        shutil.rmtree(target, ignore_errors=True)
        os.rename(part, target)
    except OSError as error:
        raise from_os_error(error, "unpacking an engine") from error
    except zipfile.BadZipFile as error:
        raise AgentError("store-corrupt", "a wheel is no zip file: %s" % error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target, True


def _extract(wheel: str, target: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_UNPACKED:
            raise AgentError("store-corrupt", "a wheel unpacks to more than %d bytes" % MAX_UNPACKED)
        for member in members:
            check_member(member)
        archive.extractall(target)


def check_member(member: zipfile.ZipInfo) -> None:
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
