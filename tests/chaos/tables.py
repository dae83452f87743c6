"""What chaos came to, as tables."""

from collections.abc import Sequence

from tabulate import tabulate

from tests.chaos.blows import Aftermath
from tests.chaos.faults import MEASURED, Fault
from tests.chaos.kills import Phase
from tests.chaos.outcome import Played
from tests.chaos.storm import LEFT_S
from tests.chaos.weathered import Weathered


def of_faults(group: Sequence[Fault], played: Played) -> str:
    """Return a row a fault: what it must end in, what it ended in, what became of a device with none."""
    by_name = {fault.name: fault for fault in group}
    innocent = [one for one in played.outcomes if one.name not in by_name]
    complete = all(one.right and set(one.found) == {MEASURED} for one in innocent)
    rows = [
        [
            one.name,
            by_name[one.name].family,
            " / ".join(one.expected),
            ", ".join(one.found),
            "; ".join(proof.what for proof in by_name[one.name].proofs),
            _yes(complete),
            _yes(one.right),
        ]
        for one in played.outcomes
        if one.name in by_name
    ]
    headings = ["fault", "family", "first / rest must be", "its cells", "shown by", "others complete", "right"]
    return f"{tabulate(rows, headings, tablefmt='pipe')}\nfarm run ended with {played.code}\n"


def of_blows(found: Sequence[Aftermath]) -> str:
    """Return a row a fault of the coordinator's machine."""
    rows = [
        [
            one.blow.name,
            "coordinator",
            "; ".join(f"{name}: {', '.join(one.cells[name])}" for name in one.hit),
            f"{one.freed_s:.1f}",
            _yes(all(set(cells) == {MEASURED} for name, cells in one.cells.items() if name not in one.hit)),
            _yes(one.resumed == (0, True)),
            len(one.left),
            _yes(not one.wrong),
        ]
        for one in found
    ]
    headings = ["fault", "family", "cells it cost", "device free after, s", "others complete"]
    return tabulate(rows, [*headings, "complete after --resume", "left", "right"], tablefmt="pipe") + "\n"


def of_storm(found: Weathered) -> str:
    """Return what became of a run whose coordinator was killed again and again."""
    rows: list[list[object]] = [
        ["killed and resumed", found.kills.total()],
        *[[f"of these while {phase}", found.kills[phase]] for phase in Phase],
        ["cells", len(found.results["cells"])],
        ["cells that differ from the undisturbed run", len(found.differing)],
        ["cells twice in the results, or measured twice", len(found.measured_twice)],
        ["complete", _yes(found.results["run"]["complete"])],
        ["boards free after a kill that nobody resumed, s", f"{found.freed_s:.1f}"],
        ["left of a killed run once the next was under way", len(found.unreaped)],
        ["starts in which that was looked at", found.looked],
        [f"left {LEFT_S:.0f} s after the last: processes, files, leases", len(found.left) + len(found.pieces)],
        ["seconds", round(found.seconds)],
    ]
    return tabulate(rows, ["storm", ""], tablefmt="pipe") + "\n"


def _yes(right: bool) -> str:
    return "yes" if right else "NO"
