"""The section of report.md on searches for mixed precision: what accuracy costs, in multiply-adds and cuts."""

from harness.diagnosis import Diagnosis, FrontPlan, Search
from harness.report import names, numbers
from harness.report.table import table
from harness.report.text import markdown

LEGEND = (
    "Plans that no other is foretold to beat at once in error, multiply-adds and cuts, from all in the reduced"
    " arithmetic to all in fp32. reduced: share of the multiply-adds in the reduced arithmetic; foretold: relative L2"
    " of the outputs, from what each block does alone; measured: on the devices, the largest median. A verdict comes"
    " from a measurement only. The plan that was taken is bold."
)
_LONG = 4000
_HEADINGS = ("reduced", "cuts", "foretold", "measured", "verdict")


def fronts(diagnosis: Diagnosis) -> str:
    """Return what every search had to choose from; '' where nothing was searched."""
    return "\n\n".join(_searched(one) for one in diagnosis.searches)


def _searched(found: Search) -> str:
    tried = sum(one.verdict is not None for one in found.front)
    words = f"{tried} of {found.plans} plans were tried on {', '.join(found.devices)}; {found.reason}."
    parts = [
        f"### {markdown(names.key(found.key))}",
        markdown(words, _LONG),
        table(_HEADINGS, [_row(one) for one in found.front], right=(1, 2, 3)),
    ]
    return "\n\n".join(parts)


def _row(one: FrontPlan) -> list[str]:
    share = numbers.percent(one.share)
    return [
        f"**{share}**" if one.chosen else share,
        str(one.cuts),
        numbers.significant(one.predicted, 2),
        numbers.significant(one.measured, 2),
        numbers.NONE if one.verdict is None else str(one.verdict),
    ]
