"""The terminal's matrix: the same words with and without colour."""

import io
import re

from rich.console import Console

from harness.report.terminal import show
from harness.results import RunResults

from .builders import results
from .hostile import hostile


def printed(run: RunResults, *, colour: bool, width: int = 140) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    show(run, console)
    return file.getvalue()


def test_without_colour_every_verdict_is_a_word() -> None:
    text = printed(results(), colour=False)
    assert "\x1b" not in text
    for word in ("PASS", "FAIL", "INCONCLUSIVE", "N/A", "ERROR", "ran as fp32", "connection-lost", "unproven"):
        assert word in text


def test_colour_changes_no_word() -> None:
    coloured = printed(results(), colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == printed(results(), colour=False)


def test_a_narrow_terminal_loses_no_verdict() -> None:
    text = printed(results(), colour=False, width=60)
    assert all(len(line) <= 60 for line in text.splitlines())
    assert text.count("FAIL") >= 2


def test_foreign_strings_cannot_colour_the_page() -> None:
    text = printed(hostile(), colour=False)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[x](http://evil.example)" in text.replace("\n", " "), "shown literally, not as markup"
