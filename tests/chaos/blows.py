"""Faults of the coordinator's own machine, and what came of one: the costs must be its own, and end in seconds."""

import signal
from dataclasses import dataclass

from tests.chaos.faults import MEASURED
from tests.chaos.outcome import INCOMPLETE

FREE_S = 30.0
LOST = "gateway-lost"
PRECISIONS = ("fp32", "w8-lowmem")


@dataclass(frozen=True)
class Blow:
    """One fault.

    Attributes:
        number: the signal that it is.
        gateway: whether one site's gateway gets it; else the coordinator does.
        images: how many a cell takes; gateways of a frozen coordinator go on for some seconds, and must not be done.
    """

    name: str
    number: signal.Signals
    gateway: bool
    images: int


GATEWAY_KILLED = Blow("gateway-killed", signal.SIGKILL, gateway=True, images=40)
GATEWAY_FROZEN = Blow("gateway-frozen", signal.SIGSTOP, gateway=True, images=40)
COORDINATOR_FROZEN = Blow("coordinator-frozen", signal.SIGSTOP, gateway=False, images=150)
BLOWS = (GATEWAY_KILLED, GATEWAY_FROZEN, COORDINATOR_FROZEN)


@dataclass(frozen=True)
class Aftermath:
    """What came of it.

    Attributes:
        freed_s: how long the devices that it costs were still held; infinite if longer than `FREE_S`.
        told: what `farm who` said then, by device.
        cells: by device, what became of each: `measured`, or an error's code.
        code: how `farm run` ended.
        resumed: how `farm run --resume` ended, and whether the run was complete then; None if nobody resumed.
        again: cells that were measured, or stand in the results, more than once.
        left: what outlived it all.
    """

    blow: Blow
    freed_s: float
    told: dict[str, str]
    cells: dict[str, tuple[str, ...]]
    code: int
    resumed: tuple[int, bool] | None
    again: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def hit(self) -> list[str]:
        """Return the devices that lost a cell."""
        return [name for name, cells in self.cells.items() if LOST in cells]

    @property
    def wrong(self) -> list[str]:
        """Return, in words, what is not as it must be."""
        costs = 1 if self.blow.gateway else len(self.cells)
        found = [] if self.freed_s <= FREE_S else ["no device was free in time"]
        if len(self.hit) != costs:
            found.append(f"{len(self.hit)} devices lost cells, not {costs}")
        found += [f"farm who: {self.told[name]}" for name in self.hit if "free" not in self.told[name]]
        for name, cells in self.cells.items():
            allowed = {MEASURED, LOST} if name in self.hit else {MEASURED}
            if len(cells) != len(PRECISIONS) or not set(cells) <= allowed:
                found.append(f"{name}: {', '.join(cells)}")
        found += [] if self.code == INCOMPLETE else [f"farm run ended with {self.code}"]
        found += [] if self.resumed in (None, (0, True)) else [f"resumed: {self.resumed}"]
        found += [f"twice: {cell}" for cell in self.again]
        return found + [f"left: {one}" for one in self.left]
