"""`farm who`: who holds every device."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from harness.commands.check import visiting_services
from harness.config.inventory import Device, load_inventory
from harness.dispatch.boundary import attempt
from harness.dispatch.session import AGENT_START_S, Services, open_visit
from harness.errors import Problem
from harness.fleet.check import AT_ONCE
from harness.fleet.client import LeaseFacts
from harness.fleet.deadline import Deadline
from harness.report.text import plain

ALL, SOME_NOT = 0, 3


def who_command(inventory: Path, console: Console) -> int:
    """Ask every device, print who holds it, return 0 or 3.

    Raises:
        InputError: bad-inventory.
    """
    devices = load_inventory(inventory).devices
    answers = ask_all(devices, visiting_services())
    for device, answer in zip(devices, answers, strict=True):
        for line in lines(device.name, answer):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    return SOME_NOT if any(isinstance(answer, Problem) for answer in answers) else ALL


def ask_all(devices: Sequence[Device], services: Services) -> list[LeaseFacts | Problem]:
    """Visit every device, several at once; return an answer each, in the order given."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(lambda device: attempt(lambda: _ask(device, services)), devices))


def lines(name: str, answer: LeaseFacts | Problem) -> list[str]:
    """Return what is to be said of one device."""
    if isinstance(answer, Problem):
        return [
            plain(f"! {name}: {answer.code} ({answer.blame}): {answer.message}"),
            plain(f"    {answer.what_to_do}"),
        ]
    if not answer.held:
        return [plain(f"○ {name}: free")]
    since = f" since {_span(answer.held_s)}" if answer.held_s is not None else ""
    run = f", run {answer.run}" if answer.run else ""
    return [plain(f"● {name}: held by {answer.holder or 'somebody who left no name'}{since}{run}")]


def _ask(device: Device, services: Services) -> LeaseFacts:
    with open_visit(device, services, lambda *_: None) as visit:
        return visit.client.who(visit.lease, deadline=Deadline.after(AGENT_START_S, services.clock))


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
