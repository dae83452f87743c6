"""The section of report.md on explained cells: which blocks lose the accuracy, and what in them does it."""

from collections.abc import Iterable

from harness.diagnosis import BlockFinding, Diagnosis, Explanation
from harness.report import names, numbers
from harness.report.depth import picture_name
from harness.report.table import table
from harness.report.text import markdown, plain

LEGEND = (
    "By closer looks at single cells, against fp32 on the same device. local: error of a block's outputs, given"
    " fp32 inputs; alone: error of the model's outputs with only this block in the cell's precision; spared: with"
    " only this block in fp32. All are relative L2, medians over the images looked at."
)
_SHOWN = 12
_LONG = 4000
_HEADINGS = ("block", "multiply-adds", "local", "alone", "spared", "operator", "what does it")


def explanations(diagnosis: Diagnosis) -> str:
    """Return what was found of every explained cell; '' where none was explained."""
    return "\n\n".join(_explained(one) for one in diagnosis.explanations)


def explanation_text(found: Explanation) -> str:
    """Return an explanation for a terminal, in plain lines."""
    head = f"{names.key(found.key)}: {found.words}"
    rows = [f"  {line}" for line in _lines(_known(found)[:_SHOWN])]
    notes = [f"  Note: {note}." for note in found.notes]
    return "\n".join([plain(head, _LONG), *rows, *(plain(note, _LONG) for note in notes)])


def _explained(found: Explanation) -> str:
    known = _known(found)
    rows = [_row(block) for block in known[:_SHOWN]]
    left = len(known) - _SHOWN
    parts = [
        f"### {markdown(names.key(found.key))}",
        markdown(found.words, _LONG),
        "\n".join(f"- {markdown(note, _LONG)}" for note in found.notes),
        table(_HEADINGS, rows, right=(1, 2, 3, 4)) if rows else "",
        f"And {left} blocks that do less." if left > 0 else "",
        f"![error along the network]({picture_name(found)})" if found.drawn else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _known(found: Explanation) -> list[BlockFinding]:
    """Return the blocks of which anything is known."""
    return [block for block in found.blocks if block.culprits or block.alone is not None or block.local is not None]


def _row(block: BlockFinding) -> list[str]:
    worst = block.culprits[0] if block.culprits else None
    errors = [numbers.significant(error, 2) for error in (block.local, block.alone, block.spared)]
    what = f"{worst.mechanism}: {worst.words}" if worst else ""
    name = f"{worst.name} ({worst.type}), {numbers.significant(worst.made, 2)}" if worst else ""
    return [markdown(block.name), numbers.percent(block.share), *errors, markdown(name), markdown(what)]


def _lines(blocks: Iterable[BlockFinding]) -> Iterable[str]:
    for block in blocks:
        worst = block.culprits[0] if block.culprits else None
        why = f"; {worst.mechanism}: {worst.words}" if worst else ""
        alone, local = (numbers.significant(one, 2) for one in (block.alone, block.local))
        share = numbers.percent(block.share)
        yield plain(f"{block.name}: alone {alone}, local {local}, {share} of the multiply-adds{why}", _LONG)
