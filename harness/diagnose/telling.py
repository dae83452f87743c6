"""An explanation in plain words. Pure."""

import math

from harness.diagnosis import BlockFinding, Explanation

_NAMED = 3
_INNOCENT = 0.1
"""A block that does less than this part of the worst one's harm counts as innocent."""


def paragraph(found: Explanation) -> str:
    """Return what an explanation says, in a few sentences."""
    return " ".join(
        part for part in (_whole(found), _guilty(found), _why(found), _innocent(found), _first(found)) if part
    )


def size(error: float | None) -> str:
    """Return a relative error for people."""
    if error is None:
        return "not known"
    return "not finite" if math.isinf(error) else f"{error:.2g}"


def _whole(found: Explanation) -> str:
    images = f"{len(found.images)} image{'s' if len(found.images) != 1 else ''}"
    flips = f", {found.flipped} of which flipped" if found.flipped else ""
    return (
        f"Over {images}{flips}, the outputs are off by {size(found.together)} (relative L2) from fp32 on this device."
    )


def _guilty(found: Explanation) -> str:
    worst = [block for block in found.blocks if block.alone is not None][:_NAMED]
    if not worst:
        return ""
    each = ", ".join(f"{block.name} ({size(block.alone)})" for block in worst)
    return f"Alone in this precision, these blocks do most: {each}."


def _why(found: Explanation) -> str:
    worst = next((block for block in found.blocks if block.culprits), None)
    if worst is None:
        return ""
    culprit = worst.culprits[0]
    return f"In {worst.name} it is {culprit.name} ({culprit.type}): {culprit.mechanism}, {culprit.words}."


def _innocent(found: Explanation) -> str:
    innocent = innocents(found)
    if not innocent:
        return ""
    share = sum(block.share for block in innocent)
    return f"{len(innocent)} blocks with {100 * share:.0f} % of the multiply-adds do less than a tenth of that."


def innocents(found: Explanation) -> list[BlockFinding]:
    """Return the blocks that do less than a tenth of what the worst one does."""
    known = [block for block in found.blocks if block.alone is not None]
    if not known:
        return []
    worst = known[0].alone or 0.0
    return [block for block in known if (block.alone or 0.0) < _INNOCENT * worst]


def _first(found: Explanation) -> str:
    jump = found.jump
    if jump is None:
        return ""
    return (
        f"On the way through the network the error first jumps at {jump.name} ({jump.type}), to {size(jump.error)}."
    )
