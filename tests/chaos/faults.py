"""The faults: what happens, where, what may come of it, and what shows that it happened."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos import plants, proofs, strikes
from tests.chaos.proofs import Proof
from tests.chaos.scene import Scene

MEASURED = "measured"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        first: what becomes of the device's first cell: `measured`, or the code of its error.
        rest: what becomes of the others.
        proofs: all must hold after the run.
        prepare: is done before the run.
        strike: is done when the device has begun its first cell.
        warm: whether the device's store has all that it needs.
        often: whether it is among those that every test run has.
        own_board: whether it has a board of its own, since it strikes whoever is on the board.
    """

    name: str
    family: str
    first: str
    rest: str
    proofs: tuple[Proof, ...]
    prepare: Callable[[Scene], None] = strikes.nothing
    strike: Callable[[Scene], None] | None = None
    warm: bool = True
    often: bool = False
    own_board: bool = False

    def unproven(self, scene: Scene) -> tuple[str, ...]:
        """Return, in words, what should show that it struck and does not."""
        return tuple(proof.what for proof in self.proofs if not proof.holds(scene))


INNOCENT = Fault("innocent", "none", MEASURED, MEASURED, proofs=())
"""Nothing happens to it, and it is next to devices to which something does."""

FAULTS: tuple[Fault, ...] = (
    Fault("refused", "network", "device-unreachable", "device-unreachable",
          (proofs.REFUSED,), prepare=strikes.refusing),
    Fault("silent-before-banner", "network", "device-unreachable", "device-unreachable",
          (proofs.FROZEN, proofs.NO_BANNER), prepare=strikes.freeze, often=True),
    # Both are noticed in seconds, and tried again; the network stays frozen, and so no session comes up.
    Fault("stalls-mid-transfer", "network", "device-unreachable", "device-unreachable",
          (proofs.STALLED, proofs.FROZEN, proofs.CAME_BACK), warm=False, prepare=strikes.put(stall_at=2_000_000)),
    Fault("stalls-mid-cell", "network", "device-unreachable", "device-unreachable",
          (proofs.STALLED, proofs.FROZEN, proofs.CAME_BACK), strike=strikes.freeze),
    Fault("freezes-and-thaws", "network", MEASURED, MEASURED,
          (proofs.STALLED, proofs.THAWED, proofs.STAYED), strike=strikes.frozen(6.0)),
    Fault("cut-and-back", "network", MEASURED, MEASURED,
          (proofs.CUT, proofs.CAME_BACK), strike=strikes.away(4.0), often=True),
    Fault("cut-mid-transfer", "network", MEASURED, MEASURED,
          (proofs.CUT, proofs.CAME_BACK), warm=False, prepare=strikes.put(cut_at=2_000_000)),
    Fault("flipped-on-the-wire", "network", MEASURED, MEASURED,
          (proofs.FLIPPED, proofs.CAME_BACK), warm=False, prepare=strikes.put(flip_at=1_000_000)),
    Fault("slow-link", "network", MEASURED, MEASURED, (proofs.slowed(0.1),), prepare=strikes.put(rate=125_000.0)),
    Fault("host-key-changed", "trust", "host-key-changed", "host-key-changed",
          (proofs.entered_with("host_key"),), prepare=strikes.other_host_key, often=True),
    Fault("refused-key", "trust", "authentication-failed", "authentication-failed",
          (proofs.entered_with("identity_file"),), prepare=strikes.strange_key),
    Fault("reboot", "board", MEASURED, MEASURED,
          (proofs.SIGNALLED, proofs.CUT, proofs.CAME_BACK), strike=strikes.reboot, often=True),
    Fault("reinstalled", "board", MEASURED, MEASURED,
          (proofs.SIGNALLED, proofs.noted(strikes.STORE_GONE), proofs.CAME_BACK), strike=strikes.reinstall),
    Fault("sshd-restarted", "board", MEASURED, MEASURED,
          (proofs.SIGNALLED, proofs.noted(strikes.LET_GO), proofs.noted(strikes.SERVER_GONE), proofs.CAME_BACK),
          strike=strikes.restart_server, own_board=True),
    Fault("killed-agent", "board", MEASURED, MEASURED,
          (proofs.SIGNALLED, proofs.CAME_BACK), strike=strikes.agent(signal.SIGKILL)),
    Fault("hanging-agent", "board", MEASURED, MEASURED,
          (proofs.PLANTED, proofs.CAME_BACK), prepare=strikes.python(code=plants.AGENT_HANGS)),
    Fault("read-only-workdir", "disk", "workdir-unusable", "workdir-unusable",
          (proofs.READ_ONLY,), prepare=strikes.read_only, warm=False),
    Fault("disk-full-at-upload", "disk", "disk-full", "disk-full", (proofs.PLANTED,), warm=False, often=True,
          prepare=strikes.python(code=plants.DISK.format(bytes=3_000_000, folder="/store/"))),
    Fault("disk-full-at-unpacking", "disk", "disk-full", "disk-full", (proofs.PLANTED,), warm=False,
          prepare=strikes.python(code=plants.DISK.format(bytes=3_000_000, folder="/engine"))),
    Fault("changed-on-its-way-to-disk", "disk", "store-corrupt", MEASURED, (proofs.PLANTED,), warm=False,
          prepare=strikes.python(code=plants.CHANGED)),
    Fault("no-python", "python", "python-missing", "python-missing",
          (proofs.entered_with("python"),), prepare=strikes.no_python),
    Fault("old-python", "python", "python-too-old", "python-too-old",
          (proofs.PLANTED,), prepare=strikes.python(code=plants.OLD), often=True),
    Fault("noisy-login", "python", MEASURED, MEASURED,
          (proofs.PLANTED,), prepare=strikes.python(first=plants.NOISE)),
    Fault("jumping-clock", "python", MEASURED, MEASURED,
          (proofs.PLANTED,), prepare=strikes.python(code=plants.CLOCK)),
    Fault("child-killed", "child", "child-killed", MEASURED,
          (proofs.SIGNALLED,), strike=strikes.child(signal.SIGKILL)),
    Fault("child-segfault", "child", "child-crashed", MEASURED,
          (proofs.SIGNALLED,), strike=strikes.child(signal.SIGSEGV), often=True),
    Fault("child-illegal-instruction", "child", "child-crashed", MEASURED,
          (proofs.SIGNALLED,), strike=strikes.child(signal.SIGILL)),
    Fault("child-abort", "child", "child-crashed", MEASURED,
          (proofs.SIGNALLED,), strike=strikes.child(signal.SIGABRT)),
    Fault("child-hangs", "child", "cell-timeout", MEASURED, (proofs.PLANTED,), prepare=strikes.hanging_child),
    Fault("child-out-of-memory", "child", "out-of-memory", MEASURED,
          (proofs.PLANTED,), prepare=strikes.python(code=plants.STARVES)),
    Fault("trickle", "network", "connection-lost", "connection-lost",
          (proofs.slowed(10.0), proofs.CAME_BACK), warm=False, prepare=strikes.trickling),
)  # fmt: skip
