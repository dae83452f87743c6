"""The section of report.md on the hazard lint: how well it foretold what was measured."""

from harness.diagnosis import Diagnosis, LintScore
from harness.report import names, numbers
from harness.report.table import table
from harness.report.text import markdown

LEGEND = (
    "The lint looks at model and samples only (`farm lint`). Its predictions for blocks are held against the local"
    " errors measured on the device: rank correlation by Spearman, and how many blocks were foretold to lose more"
    " than the bound, and do."
)
_HEADINGS = ("cell", "blocks", "rank correlation", "bound", "hits", "misses", "false alarms")


def scores(diagnosis: Diagnosis) -> str:
    """Return the score of every explained cell that has one; '' where none has."""
    return table(_HEADINGS, [_row(one) for one in diagnosis.scores], right=range(1, 7)) if diagnosis.scores else ""


def _row(one: LintScore) -> list[str]:
    counts = [str(count) for count in (one.hits, one.misses, one.false_alarms)]
    correlation = numbers.NONE if one.correlation is None else numbers.fixed(one.correlation)
    return [
        markdown(names.key(one.key)),
        str(len(one.predictions)),
        correlation,
        numbers.significant(one.bound, 2),
        *counts,
    ]
