"""The section of report.md on repairs: what was tried for each failing cell, and what to set."""

from harness.diagnosis import Diagnosis, Remedy, Treatment
from harness.report import names, numbers
from harness.report.table import table
from harness.report.text import markdown, plain

LEGEND = (
    "Each repair was measured on the device like any other cell, and judged by the same rule; cheapest first."
    " reduced: share of the multiply-adds that still ran in the reduced arithmetic. Times are shown of hardware only."
)
NO_REMEDY = "No remedy that was tried passes."
_LONG = 8000
_HEADINGS = ("repair", "kind", "verdict", "top-1, points", "images", "relative L2", "reduced", "cuts", "MB", "ms")


def treatments(diagnosis: Diagnosis) -> str:
    """Return what was tried for every cell that was treated; '' where none was."""
    return "\n\n".join(_treated(one) for one in diagnosis.treatments)


def treatment_text(found: Treatment) -> str:
    """Return a treatment for a terminal, in plain lines."""
    lines = [plain(names.key(found.key), _LONG)]
    for one in found.tried:
        lines.append("  " + plain(f"{one.verdict:<13} {one.title} ({one.kind}): {_briefly(one)}", _LONG))
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
    if found.best is None:
        return NO_REMEDY
    plan = f"; its plan: {found.best.plan}" if found.best.plan else ""
    return f"Set there: {found.best.title} ({found.best.key.precision}){plan}."


def _settings(best: Remedy | None) -> str:
    if best is None or not best.settings:
        return ""
    lines = [plain(line, _LONG).replace("`", "'") for line in best.settings.splitlines()]
    return "\n".join(["```", *lines, "```"])


def _row(one: Remedy, found: Treatment) -> list[str]:
    title = f"**{markdown(one.title)}**" if one == found.best else markdown(one.title)
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


def _briefly(one: Remedy) -> str:
    drop = "" if one.drop_points is None else f"{numbers.signed(-one.drop_points)} pt on {one.images} images, "
    return f"{drop}relative L2 {numbers.significant(one.relative_l2, 2)}" if one.images else one.reason
