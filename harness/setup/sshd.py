"""OpenSSH's server: the machine's own, or the one of an unpacked package.

Installing the package would enable a daemon on port 22. Unpacked into the cache, it is just a program.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.setup.places import release

PROGRAM = "usr/sbin/sshd"
_HELPERS = "usr/lib/openssh"
_LIBRARIES = ("usr/lib", "lib")


@dataclass(frozen=True, slots=True)
class SshServer:
    """OpenSSH's server.

    Attributes:
        program: its absolute path; the server starts itself again by it.
        root: the folder that its package was unpacked into; None if it belongs to the machine.
    """

    program: Path
    root: Path | None = None

    @property
    def library_path(self) -> str:
        """The value of LD_LIBRARY_PATH that it needs; empty for none."""
        if self.root is None:
            return ""
        found = {library.parent for name in _LIBRARIES for library in (self.root / name).rglob("*.so*")}
        return os.pathsep.join(str(folder) for folder in sorted(found))

    def helper(self, name: str) -> Path | None:
        """Return where a helper program of newer versions is, if that has to be told to the server."""
        found = self.root / _HELPERS / name if self.root else None
        return found if found and found.exists() else None


def unpacked_root(cache: Path) -> Path:
    """Return the folder for an unpacked server; its libraries are the host's, so it is kept by release."""
    return cache / "sshd" / release()


def find_server(cache: Path) -> SshServer | None:
    """Return the machine's server, else the unpacked one, else None."""
    installed = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
    if installed:
        return SshServer(Path(installed))
    root = unpacked_root(cache)
    return SshServer(root / PROGRAM, root) if (root / PROGRAM).exists() else None
