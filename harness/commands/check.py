"""`farm check`: what every device says."""

import getpass
import socket
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from harness.cache import cache_root
from harness.config.inventory import load_inventory
from harness.dispatch.session import Services
from harness.errors import Code, DeviceError
from harness.fleet.bootstrap import agent_archive
from harness.fleet.check import Checkup, check_fleet
from harness.fleet.wheels import WheelHouse
from harness.report.text import plain

FIT, SOME_NOT = 0, 3


def check_command(inventory: Path, engines: tuple[str, ...], console: Console) -> int:
    """Visit every device, print what was found, return 0 or 3.

    Raises:
        InputError: bad-inventory.
    """
    devices = load_inventory(inventory).devices
    checkups = check_fleet(devices, engines, _services())
    for checkup in checkups:
        for line in lines(checkup):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    fit = sum(checkup.problem is None for checkup in checkups)
    console.print(f"{fit} of {len(checkups)} devices are reachable and fit.", highlight=False)
    return FIT if fit == len(checkups) else SOME_NOT


def lines(checkup: Checkup) -> list[str]:
    """Return what is to be said of one device."""
    name, problem = checkup.device.name, checkup.problem
    if problem is not None:
        return [
            plain(f"✗ {name}: {problem.code} ({problem.blame}): {problem.message}"),
            plain(f"    {problem.what_to_do}"),
        ]
    facts = checkup.facts
    isa = facts.get("isa")
    names = " ".join(str(one) for one in isa) if isinstance(isa, list) else "unknown"
    words = f"✓ {name}: {facts.get('machine')} ({names or 'base'}), Python {facts.get('python')}"
    return [plain(f"{words}, {facts.get('memory_available_mb')} MB free, answered in {checkup.seconds:.1f} s")]


def _services() -> Services:
    def no_blobs(digest: str) -> bytes:
        raise DeviceError(Code.INTERNAL, f"A check sends no objects ({digest}).")

    return Services(
        run=f"check-{uuid.uuid4().hex[:8]}",
        holder=f"{getpass.getuser()}@{socket.gethostname()}",
        archive=agent_archive(),
        wheels=WheelHouse(cache_root() / "wheels"),
        blobs=no_blobs,
        clock=time.monotonic,
        now=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"),
        sleep=time.sleep,
    )
