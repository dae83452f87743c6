"""`farm check`: what every device says."""

import uuid
from pathlib import Path

from rich.console import Console

from harness.cache import cache_root
from harness.config.inventory import load_inventory
from harness.dispatch.session import Services, real_services
from harness.errors import Code, DeviceError
from harness.fleet.check import Checkup, check_fleet
from harness.holder import holder
from harness.report.text import plain

FIT, SOME_NOT = 0, 3
_MARGIN = "    "


def check_command(inventory: Path, engines: tuple[str, ...], console: Console) -> int:
    """Visit every device, print what was found, return 0 or 3.

    Raises:
        InputError: bad-inventory.
    """
    devices = load_inventory(inventory).devices
    checkups = check_fleet(devices, engines, visiting_services())
    for checkup in checkups:
        for line in lines(checkup):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    fit = sum(checkup.problem is None for checkup in checkups)
    console.print(f"{fit} of {len(checkups)} devices are reachable and fit.", highlight=False)
    return FIT if fit == len(checkups) else SOME_NOT


def lines(checkup: Checkup) -> list[str]:
    """Return what is to be said of one device."""
    name, problem = checkup.device.name, checkup.problem
    blind = f"It does not tell what `health:` asks for, so these gates never shut: {', '.join(checkup.unread)}"
    notes = [_MARGIN + plain(blind)] if checkup.unread else []
    if problem is not None:
        return [
            plain(f"✗ {name}: {problem.code} ({problem.blame}): {problem.message}"),
            _MARGIN + plain(problem.what_to_do),
            *notes,
        ]
    facts = checkup.facts
    isa = facts.get("isa")
    names = " ".join(str(one) for one in isa) if isinstance(isa, list) else "unknown"
    words = f"✓ {name}: {facts.get('machine')} ({names or 'base'}), Python {facts.get('python')}"
    free = facts.get("memory_available_mb")
    return [plain(f"{words}, {free} MB free, answered in {checkup.seconds:.1f} s"), *notes]


def visiting_services() -> Services:
    """Return the services of a visit that only looks: it sends no objects."""

    def no_blobs(digest: str) -> bytes:
        raise DeviceError(Code.INTERNAL, f"A check sends no objects ({digest}).")

    run = f"check-{uuid.uuid4().hex[:8]}"
    return real_services(run=run, holder=holder(), wheel_cache=cache_root() / "wheels", blobs=no_blobs)
