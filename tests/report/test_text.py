"""Foreign strings and numbers, one function at a time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.report import numbers
from harness.report.text import LIMIT, markdown, plain, spreadsheet, xml


def test_plain_is_one_clean_line() -> None:
    assert plain("a\n\tb\r\x1b[31m\u202ec\u2028d\x00") == "a b [31m c d"
    assert len(plain("x" * 1000)) == LIMIT
    assert plain("x" * 1000).endswith("…")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_markdown_shows_the_string_literally(text: str) -> None:
    """To a CommonMark parser the escaped line is one paragraph of text: the plain line."""
    wanted = plain(text)
    tokens = MarkdownIt("commonmark").parse(f"x{markdown(text)}x")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    kinds = {child.type for child in children}
    assert kinds <= {"text", "text_special", "html_inline"}
    assert {child.content for child in children if child.type == "html_inline"} <= {"<!-- -->"}
    shown = "".join(child.content for child in children if child.type != "html_inline")
    assert shown == f"x{wanted}x"


@given(st.text())
def test_markdown_never_splits_a_table_cell(text: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(f"| a | b |\n|---|---|\n| {markdown(text)} | z |\n")
    assert html.count("<td>") == 2
    assert "<td>z</td>" in html


@given(st.text())
def test_spreadsheet_never_starts_a_formula(text: str) -> None:
    assert not spreadsheet(text).startswith(("=", "+", "-", "@"))


def test_xml_keeps_what_is_allowed() -> None:
    assert xml("a\tb\nö𝄞") == "a\tb\nö𝄞"
    assert xml("\x00\x1b\ud800\uffff") == "\ufffd" * 4


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (numbers.significant(0.030249), "0.0302"),
        (numbers.significant(None), "–"),  # noqa: RUF001
        (numbers.significant(math.inf), "∞"),
        (numbers.significant(math.nan), "–"),  # noqa: RUF001
        (numbers.fixed(12.345), "12.35"),
        (numbers.fixed(math.inf), "∞"),
        (numbers.percent(0.9666), "96.7 %"),
        (numbers.percent(None), "–"),  # noqa: RUF001
        (numbers.signed(-3.33), "−3.3"),  # noqa: RUF001
        (numbers.signed(-0.01), "+0.0"),
        (numbers.signed(None), "–"),  # noqa: RUF001
        (numbers.interval((-1.0, 2.0)), "−1.0 … +2.0"),  # noqa: RUF001
        (numbers.interval((1.1, 5.0)), "+1.1 … +5.0"),
        (numbers.interval((4.99, 5.01)), "+4.9 … +5.1"),
        (numbers.interval((-0.04, -0.01)), "−0.1 … +0.0"),  # noqa: RUF001
        (numbers.interval((5.0, 100.0)), "+5.0 … +100.0"),
        (numbers.interval(None), "–"),  # noqa: RUF001
        (numbers.span((0.86, 0.99), 100.0), "86.0 … 99.0"),
        (numbers.span((0.97, 1.0), 100.0), "97.0 … 100.0"),
        (numbers.span((0.96999, 0.97001), 100.0), "96.9 … 97.1"),
        (numbers.span((0.0, 0.55), 100.0), "0.0 … 55.0"),
        (numbers.cosine(0.9999995), "1.000000"),
        (numbers.cosine(-math.inf), "−∞"),  # noqa: RUF001
    ],
)
def test_numbers(shown: str, wanted: str) -> None:
    assert shown == wanted
