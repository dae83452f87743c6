"""What shows that a fault struck: a run in which nothing happened must not pass for one that survived it."""

import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.scene import Scene


@dataclass(frozen=True)
class Proof:
    """Something that is so after a fault, and is not so after a run without it."""

    what: str
    holds: Callable[[Scene], bool]


SIGNALLED = Proof("a process of its own got the signal", lambda scene: scene.struck > 0)
PLANTED = Proof("what was planted has struck", lambda scene: scene.mark.is_file())
CUT = Proof("a connection was cut", lambda scene: scene.proxy.cuts > 0)
CAME_BACK = Proof("the coordinator connected again", lambda scene: scene.proxy.connections >= 2)
STAYED = Proof("the coordinator never connected again", lambda scene: scene.proxy.connections == 1)
STALLED = Proof("a connection was up when nothing moved any more", lambda scene: scene.proxy.freezes > 0)
FROZEN = Proof("nothing moves", lambda scene: scene.proxy.frozen)
THAWED = Proof("everything moves again", lambda scene: not scene.proxy.frozen)
FLIPPED = Proof("a byte was changed on its way", lambda scene: scene.proxy.flips > 0)
NO_BANNER = Proof("it was dialled, and no byte came", lambda s: s.proxy.connections > 0 and s.proxy.moved == 0)


def slowed(seconds: float) -> Proof:
    """Show that data waited so long for a slow link."""
    return Proof(f"data waited for {seconds:g} s", lambda scene: scene.proxy.slept_s >= seconds)


def noted(words: str) -> Proof:
    """Show what the strike itself saw."""
    return Proof(words, lambda scene: words in scene.notes)


def entered_with(key: str) -> Proof:
    """Show that the device was dialled with a changed entry."""
    what = f"it was dialled, with another {key}"
    return Proof(what, lambda scene: key in scene.changes and scene.proxy.connections > 0)


def _nobody_listens(scene: Scene) -> bool:
    with socket.socket() as probe:
        port = scene.changes.get("port")
        return bool(port) and probe.connect_ex(("127.0.0.1", port)) != 0 and scene.proxy.connections == 0


REFUSED = Proof("nobody listens there", _nobody_listens)


def _is_read_only(scene: Scene) -> bool:
    there = scene.workdir.is_dir() and stat.S_IMODE(scene.workdir.stat().st_mode) == 0o500
    return there and scene.proxy.connections > 0


READ_ONLY = Proof("its workdir is read-only", _is_read_only)
