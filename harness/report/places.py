"""Many devices in few words, so that sixty of them stay readable. Plain text, to be escaped by the renderer."""

from collections.abc import Iterable, Sequence
from typing import Final

NAMED: Final = 4
"""Most devices that are named one by one in a sentence."""


def places(devices: Sequence[str], everywhere: Sequence[str]) -> str:
    """Return `a, b`, `every device`, `every device but a`, or `37 of 60 devices`.

    `everywhere` are the devices that could have been named; nothing is left out but where a number says so.
    """
    others = [name for name in everywhere if name not in set(devices)]
    if len(everywhere) > 1 and not others:
        return "every device"
    if len(devices) <= NAMED:
        return ", ".join(devices)
    if len(others) < NAMED:
        return f"every device but {', '.join(others)}"
    return f"{len(devices)} of {len(everywhere)} devices"


def merged(rows: Iterable[tuple[str, Sequence[str]]]) -> list[list[str]]:
    """Put devices whose rows say the same into one row, in the order in which each first comes.

    Devices with the same kernels agree to the bit, so a fleet of sixty comes down to a few rows.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for device, rest in rows:
        found.setdefault(tuple(rest), []).append(device)
    return [[", ".join(dict.fromkeys(devices)), *rest] for rest, devices in found.items()]
