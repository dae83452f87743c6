"""The page that explains a report explains every word that a report uses."""

import re

import pytest
from markdown_it import MarkdownIt

from harness.judge.timing import DRIFTING, FEW, NOISY, STABLE
from harness.report.guide import GUIDE, guide
from harness.report.marks import Kind
from harness.results import Cause, Extent, LossSplit, Verdict

from .test_markdown import whole_tables

WORDS = [
    *Verdict,
    *Cause,
    *Extent,
    DRIFTING,
    FEW,
    NOISY,
    STABLE,
    "floor",
    "peers",
    "margin",
    "confidence",
    "emulated",
]
PARTS = set(LossSplit.model_fields) - {"note"}


@pytest.mark.parametrize("word", [*map(str, WORDS), *sorted(PARTS), "known_failures", "Images needed", "Shared with"])
def test_every_word_is_explained(word: str) -> None:
    assert re.search(rf"\b{re.escape(word)}\b", guide(), re.IGNORECASE)


def test_every_mark_has_its_row_with_what_to_do() -> None:
    table = guide().split("## The verdicts")[1].split("\n\n")[1]
    marks = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert set(marks) == {kind.mark for kind in Kind}
    assert "what to do tonight" in table


def test_every_proof_of_the_judge_is_explained() -> None:
    table = guide().split("| proof |")[1].split("\n\n")[0]
    named = {word.strip() for line in table.splitlines()[2:] for word in line.split("|")[1].split(",")}
    assert named == {
        *("backend", "values", "memory", "equals-fp32", "isa", "file", "operators", "levels"),
        *("ignores-rounding", "heeds-rounding", "differs-from-dequantised"),
    }


def test_the_page_is_markdown_with_whole_tables() -> None:
    html = MarkdownIt("commonmark").enable("table").render(guide())
    assert html.count("<h1>") == 1
    assert html.count("<table>") == 4
    whole_tables(html)
    assert GUIDE.endswith(".md")
