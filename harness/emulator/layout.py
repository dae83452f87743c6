"""Where the parts of a board stand on the host."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Code, InputError

_SAFE_PATH = re.compile(r"[\w./+@,=~-]+")


@dataclass(frozen=True, slots=True)
class Fleet:
    """The folder of some boards that are started and stopped together."""

    root: Path

    @property
    def state(self) -> Path:
        """Which boards were started."""
        return self.root / "boards.json"

    @property
    def lock(self) -> Path:
        """Held while boards are started or stopped."""
        return self.root / "lock"

    @property
    def identity(self) -> Path:
        """The private key that all boards of the fleet let in."""
        return self.root / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The boards' host keys, for OpenSSH's client."""
        return self.root / "known_hosts"

    @property
    def inventory(self) -> Path:
        """The inventory that reaches them."""
        return self.root / "inventory.yaml"

    def board(self, name: str) -> "Place":
        """Return a board's folder."""
        return Place(self.root / name)


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one board."""

    root: Path

    @property
    def home(self) -> Path:
        """The board account's home."""
        return self.root / "home"

    @property
    def host_key(self) -> Path:
        """The board's private host key."""
        return self.root / "host_key"

    @property
    def config(self) -> Path:
        """The SSH server's configuration."""
        return self.root / "sshd_config"

    @property
    def entrance(self) -> Path:
        """The script that takes a session into the userland."""
        return self.root / "enter"

    @property
    def termux(self) -> Path:
        """A phone's outer userland."""
        return self.root / "termux"

    @property
    def passwd(self) -> Path:
        """The board's /etc/passwd."""
        return self.root / "passwd"

    @property
    def server_passwd(self) -> Path:
        """The /etc/passwd of an enclosed SSH server."""
        return self.root / "server-passwd"

    @property
    def group(self) -> Path:
        """The board's /etc/group."""
        return self.root / "group"

    @property
    def hosts(self) -> Path:
        """The board's /etc/hosts."""
        return self.root / "hosts"

    @property
    def hostname(self) -> Path:
        """The board's /etc/hostname."""
        return self.root / "hostname"

    @property
    def fleeting(self) -> dict[str, Path]:
        """The board's folders that are empty after a restart, by their place on the board."""
        return {
            "/tmp": self.root / "tmp",  # noqa: S108 (the board's, not ours)
            "/var/tmp": self.root / "var-tmp",  # noqa: S108
            "/run": self.root / "run",
            "/dev/shm": self.root / "shm",  # noqa: S108
        }

    @property
    def proot_folder(self) -> Path:
        """Where proot keeps its own temporary files."""
        return self.root / "proot"

    @property
    def server_log(self) -> Path:
        """What the SSH server says."""
        return self.root / "sshd.log"

    @property
    def keeper_log(self) -> Path:
        """What the board's keeper says."""
        return self.root / "keeper.log"

    @property
    def port(self) -> Path:
        """The port that the board had last; it keeps it, so that an inventory stays right."""
        return self.root / "port"


def fleet_at(root: Path) -> Fleet:
    """Return the fleet of a folder.

    Raises:
        InputError: machine-not-ready, the folder's path has characters that proot or OpenSSH would misread.
    """
    path = root.expanduser().absolute()
    if not _SAFE_PATH.fullmatch(str(path)):
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"Boards cannot be kept under {str(path)!r}: blanks, colons and quotes in it have a meaning for proot.",
            "Set FARM_CACHE to a folder with a plain path.",
        )
    return Fleet(path)
