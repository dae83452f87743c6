"""The section of report.md on repairs: what was tried for each failing cell, and what to set."""

from harness.diagnosis import Diagnosis, Remedy, Treatment
from harness.report import names, numbers
from harness.report.table import table
from harness.report.text import markdown, plain

LEGEND = (
    "Each repair was measured on the device, or on one with the same instruction set that is named, like any other"
    " cell, and judged by the same rule; cheapest first."
    " reduced: share of the multiply-adds that still ran in the reduced arithmetic. Times are shown of hardware only."
)
NO_REMEDY = "No remedy that was tried passes"
_LONG = 8000
_HEADINGS = ("repair", "kind", "verdict", "top-1, points", "images", "relative L2", "reduced", "cuts", "MB", "ms")


def treatments(diagnosis: Diagnosis) -> str:
    """Return what was tried for every cell that was treated; '' where none was."""
    return "\n\n".join(_treated(one) for one in diagnosis.treatments)


def treatment_text(found: Treatment) -> str:
    """Return a treatment for a terminal, in plain lines."""
    lines = [plain(names.key(found.key), _LONG)]
    for one in found.tried:
        title = f"{one.title}{_elsewhere(one, found)}"
        lines.append("  " + plain(f"{one.verdict:<13} {title} ({one.kind}): {_briefly(one)}", _LONG))
    lines.append("  " + plain(_advice(found), _LONG))
    if found.best is not None:
        lines += ["    " + plain(line, _LONG) for line in found.best.settings.splitlines()]
    return "\n".join(lines)


def _treated(found: Treatment) -> str:
    rows = [_row(one, found) for one in found.tried]
    parts = [
        f"### {markdown(names.key(found.key))}",
        f"**{markdown(_advice(found), _LONG)}**",
        _settings(found.best),
        table(_HEADINGS, rows, right=(3, 4, 5, 6, 7, 8, 9)) if rows else "",
        "\n".join(f"- {markdown(note, _LONG)}" for note in found.notes),
    ]
    return "\n\n".join(part for part in parts if part)


def _advice(found: Treatment) -> str:
    near = "" if found.aim is None else numbers.significant(found.aim, 2)
    aim = f" and keeps relative L2 {near}, a tenth of the cell's" if near else ""
    if found.best is None:
        return f"{NO_REMEDY}{aim}."
    plan = f"; its plan: {found.best.plan}" if found.best.plan else ""
    why = f"; the cheapest that passes{aim}" if aim else ""
    return f"Set there: {found.best.title} ({found.best.key.precision}){plan}{why}."


def _settings(best: Remedy | None) -> str:
    if best is None or not best.settings:
        return ""
    lines = [plain(line, _LONG).replace("`", "'") for line in best.settings.splitlines()]
    return "\n".join(["```", *lines, "```"])


def _row(one: Remedy, found: Treatment) -> list[str]:
    title = markdown(f"{one.title}{_elsewhere(one, found)}")
    title = f"**{title}**" if one == found.best else title
    drop = numbers.signed(None if one.drop_points is None else -one.drop_points)
    size = numbers.NONE if one.size is None else f"{one.size / 1e6:.1f}"
    return [
        title,
        markdown(one.kind),
        str(one.verdict),
        drop,
        str(one.images or numbers.NONE),
        numbers.significant(one.relative_l2, 2),
        numbers.percent(one.reduced_share),
        str(one.cuts or ""),
        size,
        numbers.significant(one.median_ms),
    ]


def _elsewhere(one: Remedy, found: Treatment) -> str:
    return "" if one.key.device == found.key.device else f", on {one.key.device}"


def _briefly(one: Remedy) -> str:
    drop = "" if one.drop_points is None else f"{numbers.signed(-one.drop_points)} pt on {one.images} images, "
    return f"{drop}relative L2 {numbers.significant(one.relative_l2, 2)}" if one.images else one.reason
