"""What the hazard lint found, as Markdown."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from harness.diagnose.lint.hazard import Hazard, Reduced
from harness.diagnose.lint.lint import Lint
from harness.report import numbers
from harness.report.table import table
from harness.report.text import markdown

MOST: Final = 15
"""Hazards of one precision that are listed; more are counted."""

_TITLES: Final = MappingProxyType(
    {
        Reduced.FP16: "fp16 arithmetic",
        Reduced.FP16_WEIGHTS: "fp16 weights and constants, whatever the arithmetic",
        Reduced.W8: "8-bit weights, one scale a channel",
        Reduced.W4: "4-bit weights, one scale a channel",
    }
)
_HEADINGS = ("operator", "what", "error there", "left behind it", "why", "what to do")
_LEGEND = (
    "Predicted, not measured: relative L2 error of the operator's output if it alone is run so, and what is left of"
    " that at the next tensor through which everything passes, behind residual connections. ∞: NaN or infinity comes"
    " out. Ranked by what is left."
)


def render(found: Lint) -> str:
    """Return the whole page; equal findings give equal bytes."""
    parts = [f"# Hazards of {markdown(found.model)}", f"**{headline(found)}**"]
    if found.hazards:
        parts.append(_LEGEND)
    for precision, title in _TITLES.items():
        chosen = [hazard for hazard in found.hazards if hazard.precision is precision]
        if chosen:
            parts += [f"## {title}", _table(chosen)]
            parts += [f"… and {len(chosen) - MOST} more, smaller ones."] if len(chosen) > MOST else []
    return "\n\n".join(parts) + "\n"


def headline(found: Lint) -> str:
    """Return one sentence with the counts."""
    counts = [
        f"{sum(hazard.precision is precision for hazard in found.hazards)} in {precision}" for precision in _TITLES
    ]
    seen = f"{found.operators} operators on {found.images} {'image' if found.images == 1 else 'images'}"
    return f"Looked at {seen}: hazards {', '.join(counts)}." if found.hazards else f"Looked at {seen}: no hazards."


def _table(hazards: Sequence[Hazard]) -> str:
    return table(_HEADINGS, [_row(hazard) for hazard in hazards[:MOST]], right=(2, 3))


def _row(hazard: Hazard) -> list[str]:
    sizes = [numbers.significant(size, 2) for size in (hazard.predicted, hazard.carried)]
    return [
        markdown(f"{hazard.node} ({hazard.op})"),
        hazard.kind.value,
        *sizes,
        markdown(hazard.why),
        markdown(hazard.remedy),
    ]
