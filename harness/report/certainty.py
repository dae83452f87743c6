"""The section of report.md on how sure each verdict is, and which flips it rests on."""

from collections.abc import Sequence
from typing import Final

from harness.report import names, numbers
from harness.report.cell_table import cell_table
from harness.report.text import markdown
from harness.results import CellResult, Flip, RunResults

SHOWN: Final = 3
"""Flips shown at either end."""

FLIPS_LEGEND = (
    "A flip is an image whose top-1 class is not the reference's; its margin is the reference's largest output minus"
    " its second largest. Near flips (small margins) are coin tosses that any rounding decides; far ones are"
    " damage. `image 7: 3→5` is the eighth image, class 3 by the reference and 5 by the device. All of them are in"
    " results.json."
)


def certainty(results: RunResults) -> str:
    """Return how sure each measured verdict is; '' where nothing says so."""
    cells = [cell for cell in results.cells if cell.certainty is not None or cell.shared_with is not None]
    headings = [
        "images",
        "decided at",
        "images needed",
        "confidence",
        "drop, points",
        "interval",
        "method",
        "shared with",
    ]
    return cell_table(cells, results, headings, _sure, [0, 1, 2, 3, 4, 5])


def flips(results: RunResults) -> str:
    """Return the flips of every cell that has some: how many, the nearest and the worst; '' where there are none."""
    cells = [cell for cell in results.cells if cell.flips]
    headings = ["flips", "images", "nearest (smallest margin)", "worst (largest margin)"]
    return cell_table(cells, results, headings, _flips, [0, 1])


def _sure(cell: CellResult) -> list[str]:
    sure, found = cell.certainty, cell.metrics
    images = str(found.images) if found else numbers.NONE
    if sure is None:
        known = [numbers.NONE] * 3
    else:
        known = [_count(sure.decided_at), _count(sure.images_needed), f"{100.0 * sure.confidence:g} %"]
    drop = numbers.fixed(found.accuracy_drop_points) if found else numbers.NONE
    interval = numbers.interval(found.accuracy_drop_interval) if found else numbers.NONE
    shared = names.key(cell.shared_with) if cell.shared_with else ""
    return [images, *known, drop, interval, markdown(sure.method if sure else ""), markdown(shared)]


def _flips(cell: CellResult) -> list[str]:
    ordered = sorted(cell.flips, key=lambda flip: (flip.margin, flip.image))
    far = [] if len(ordered) <= SHOWN else ordered[-SHOWN:][::-1]
    images = str(cell.metrics.images) if cell.metrics else numbers.NONE
    near = ordered[:SHOWN]
    return [str(len(ordered)), images, _listed(near), _listed(far) or "the same"]


def _listed(flips: Sequence[Flip]) -> str:
    return "; ".join(map(_flip, flips))


def _flip(flip: Flip) -> str:
    given = "not finite" if flip.given is None else str(flip.given)
    right = "" if flip.label is None else f", label {flip.label}"
    return f"image {flip.image}: {flip.reference}→{given}{right}, margin {numbers.significant(flip.margin)}"


def _count(value: int | None) -> str:
    return numbers.NONE if value is None else str(value)
