"""A started board, and the file that remembers which boards were started."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.emulator.layout import Fleet
from harness.emulator.processes import is_running
from harness.emulator.server_config import ADDRESS
from harness.errors import Code, InputError

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Board:
    """A board that was started.

    Attributes:
        cpu: its CPU's name in the catalogue; `model` is what QEMU calls it.
        host_key: its public key as `type base64`.
        home: its account's home as the host sees it.
        log: what its SSH server says.
        keeper: the process that keeps it; with `started`, its start time, it is that process and no other.
        mark: by which its processes are known.
        phone: sessions land in a bare userland, and Python is behind a launcher.
    """

    name: str
    cpu: str
    model: str
    qemu: str
    port: int
    user: str
    identity_file: Path
    host_key: str
    home: Path
    log: Path
    keeper: int
    started: int
    mark: str
    phone: bool = False

    @property
    def host(self) -> str:
        """Where it listens."""
        return ADDRESS

    @property
    def running(self) -> bool:
        """Whether it is still kept."""
        return is_running(self.keeper, self.started)

    def ssh_command(self, ssh: str = "ssh") -> list[str]:
        """Return the words that reach it with OpenSSH's client; a command may follow."""
        known = self.identity_file.with_name("known_hosts")
        options = {
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(known),
            "GlobalKnownHostsFile": "none",
        }
        words = [ssh, "-F", "none", "-i", str(self.identity_file), "-p", str(self.port)]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        return [*words, f"{self.user}@{self.host}"]


def save_boards(fleet: Fleet, boards: tuple[Board, ...]) -> None:
    """Remember which boards were started."""
    data = {"schema": _SCHEMA, "boards": [asdict(board) for board in boards]}
    fresh = fleet.state.with_suffix(".new")
    fresh.write_text(json.dumps(data, indent=1, default=str) + "\n")
    fresh.replace(fleet.state)


def load_boards(fleet: Fleet) -> tuple[Board, ...]:
    """Return the boards that were started and not stopped, whether or not they still run.

    Raises:
        InputError: machine-not-ready, the file is not one of ours.
    """
    try:
        data = json.loads(fleet.state.read_text())
        if data["schema"] != _SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        return tuple(_board(entry) for entry in data["boards"])
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"{fleet.state} cannot be understood ({error}).",
            "Stop the boards it was about by hand, if there are any, and delete it.",
        ) from error


def _board(entry: dict[str, object]) -> Board:
    paths = {name: Path(str(entry[name])) for name in ("identity_file", "home", "log")}
    return Board(**{**entry, **paths})  # type: ignore[arg-type]  # a wrong or missing key is a TypeError, told above
