"""What is done to a device: before the run (prepare), and once it has begun its first cell (strike)."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from harness.emulator.processes import wait_until_gone
from tests.chaos import plants
from tests.chaos.scene import Scene

Act = Callable[[Scene], None]

LET_GO = "the agent ended by itself when its SSH session did"
SERVER_GONE = "the SSH server was gone"
STORE_GONE = "the store was gone"

_OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqvJrKMpNgsBTQLYDTsqZJVy5HmrTTJTqd8lKDPW6kD"
_PATIENCE_S = 60.0
_KEEPER_S = 20.0


def nothing(_scene: Scene) -> None:
    """Do nothing."""


def refusing(scene: Scene) -> None:
    """Let nobody listen where the device should."""
    scene.changes["port"] = scene.proxy.open()
    scene.proxy.close()


def put(**changes: object) -> Act:
    """Return what changes the proxy so."""

    def prepare(scene: Scene) -> None:
        for name, value in changes.items():
            setattr(scene.proxy, name, value)

    return prepare


def trickling(scene: Scene) -> None:
    """Let the link become so slow in the middle of a transfer that the transfer would take days."""
    scene.proxy.trickle_at = 2_000_000
    scene.changes["deadlines"] = {"connect_s": 8, "cell_s": 20}


def python(*, first: str = "", code: str = "") -> Act:
    """Return what plants something in the device's Python."""
    return lambda scene: scene.python(first=first, code=code)


def hanging_child(scene: Scene) -> None:
    """Let the first inference hang; its cell has a minute and a half."""
    scene.python(code=plants.HANGS)
    scene.changes["deadlines"] = {"connect_s": 8, "cell_s": 90}


def no_python(scene: Scene) -> None:
    """Name a Python that is not there."""
    scene.changes["python"] = "python4"


def read_only(scene: Scene) -> None:
    """Let nobody write to the workdir."""
    scene.workdir.parent.mkdir(parents=True, exist_ok=True)
    scene.workdir.mkdir(mode=0o500, exist_ok=True)


def other_host_key(scene: Scene) -> None:
    """Pin another host key than the board has."""
    scene.changes["host_key"] = _OTHER_KEY


def strange_key(scene: Scene) -> None:
    """Log in with a key that the board does not know."""
    scene.folder.mkdir(parents=True, exist_ok=True)
    key = scene.folder / "stranger"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    scene.changes["identity_file"] = str(key)


def child(number: signal.Signals) -> Act:
    """Return what sends a signal to the process that computes the cell."""

    def strike(scene: Scene) -> None:
        scene.signal(_awaited(scene.children), number)

    return strike


def agent(number: signal.Signals) -> Act:
    """Return what sends a signal to the agent."""
    return lambda scene: scene.signal(scene.agents(), number)


def away(seconds: float) -> Act:
    """Return what cuts the connection and lets nobody in for so long."""

    def strike(scene: Scene) -> None:
        scene.proxy.refuse()
        scene.proxy.cut()
        time.sleep(seconds)
        scene.proxy.open()

    return strike


def frozen(seconds: float) -> Act:
    """Return what lets nothing move for so long, and closes nothing."""

    def strike(scene: Scene) -> None:
        _awaited(scene.children)
        scene.proxy.freeze()
        time.sleep(seconds)
        scene.proxy.thaw()

    return strike


def freeze(scene: Scene) -> None:
    """Let nothing move any more."""
    scene.proxy.freeze()


def reboot(scene: Scene) -> None:
    """End all its processes at once; it is back after seconds, with its store."""
    scene.proxy.refuse()
    _end_everything(scene)
    time.sleep(3.0)
    scene.proxy.open()


def reinstall(scene: Scene) -> None:
    """As `reboot`, and the store is gone."""
    scene.proxy.refuse()
    _end_everything(scene)
    there = scene.workdir.is_dir()
    shutil.rmtree(scene.workdir, ignore_errors=True)
    if there and not scene.workdir.exists():
        scene.notes.add(STORE_GONE)
    time.sleep(3.0)
    scene.proxy.open()


def restart_server(scene: Scene) -> None:
    """End the SSH server, its sessions first, and start it again; the agent must go by itself with its session."""
    listener = scene.listener()
    scene.signal(listener, signal.SIGSTOP)  # nobody comes in while the sessions end
    scene.signal(scene.servers(), signal.SIGTERM)
    if scene.free_within(10.0):
        scene.notes.add(LET_GO)
    scene.signal(listener, signal.SIGKILL)
    # The board's keeper goes with its server.
    if listener and wait_until_gone(scene.board.keeper, scene.board.started, _KEEPER_S):
        scene.notes.add(SERVER_GONE)
    scene.fleet.again()


def _end_everything(scene: Scene) -> None:
    scene.signal(scene.holders(), signal.SIGKILL)
    scene.proxy.cut()


def _awaited(find: Callable[[], Sequence[int]]) -> Sequence[int]:
    until = time.monotonic() + _PATIENCE_S
    while not (found := find()) and time.monotonic() < until:
        time.sleep(0.05)
    return found
