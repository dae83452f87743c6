"""What a board's SSH server is shut into before it starts.

OpenSSH's server serves one account well without being root: the one it runs as. An ordinary user's server is
started as that user. For root that is no way: as root it wants a privilege separation user that only its
installed package makes, refuses accounts that are locked (root usually is), and would hand out root. So root's
server runs in a user namespace in which root is an ordinary account, with an account list of its own.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from harness.emulator import seccomp
from harness.emulator.kernel import CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, MS_PRIVATE, MS_REC, mount, unshare

_ENCLOSED_NAME = "farm"
_ENCLOSED_ID = 1000


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a board lets in.

    Attributes:
        enclosed: it exists in the board's user namespace only.
    """

    name: str
    uid: int
    gid: int
    enclosed: bool

    @property
    def home(self) -> str:
        """Its home on the board."""
        return f"/home/{self.name}" if self.uid else "/root"

    @property
    def passwd(self) -> str:
        """The board's /etc/passwd."""
        return f"{self.name}:x:{self.uid}:{self.gid}::{self.home}:/bin/sh\n"

    @property
    def server_passwd(self) -> str:
        """The server's own /etc/passwd if it is enclosed; it looks for the home on the host, where there is none."""
        return f"{self.name}:x:{self.uid}:{self.gid}::/:/bin/sh\n"

    @property
    def group(self) -> str:
        """The board's /etc/group. It has no group `tty`: the server would hand terminals to it, and may not."""
        return f"{self.name}:x:{self.gid}:\n"


def account() -> Account:
    """Return the account for boards that this user starts."""
    uid, gid = os.getuid(), os.getgid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # a container's user that is in no list
        entry = None
    if uid == 0 or entry is None or not _can_log_in(entry.pw_shell):
        return Account(_ENCLOSED_NAME, _ENCLOSED_ID, _ENCLOSED_ID, enclosed=True)
    return Account(entry.pw_name, uid, gid, enclosed=False)


def enclose(who: Account, passwd: Path, group: Path) -> None:
    """Shut this process in, for good; `passwd` and `group` become its lists of accounts if it is enclosed.

    Raises:
        OSError: the kernel refused.
    """
    if who.enclosed:
        outer_uid, outer_gid = os.geteuid(), os.getegid()
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        # One mapping only, which needs no privilege; the kernel demands that setgroups is given up first.
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{who.uid} {outer_uid} 1")
        _write("/proc/self/gid_map", f"{who.gid} {outer_gid} 1")
        mount("none", "/", MS_REC | MS_PRIVATE)
        mount(str(passwd), "/etc/passwd", MS_BIND)
        mount(str(group), "/etc/group", MS_BIND)
    seccomp.install()


def _can_log_in(shell: str) -> bool:
    # The server hands every command to the account's shell, so it must be one.
    return os.access(shell or "/bin/sh", os.X_OK) and Path(shell).name not in ("nologin", "false")


def _write(path: str, text: str) -> None:
    with Path(path).open("w") as file:
        file.write(text)
