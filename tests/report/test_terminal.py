"""The terminal's matrix: the same words with and without colour."""

import io
import re

import pytest
from rich.console import Console

from harness.report.summary import counts, three
from harness.report.terminal import show
from harness.results import RunResults, Verdict

from .builders import devices, key, measured, results
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


def test_three_sentences_then_counts_then_the_matrix() -> None:
    text = printed(results(), colour=False, width=300)
    first = [line.rstrip() for line in text.splitlines()]
    assert first[:3] == list(three(results()))
    assert first[3] == counts(results())
    assert first[4].startswith("! The run is incomplete")
    assert first[5] == "b0"


def test_what_cannot_be_overlooked_has_mark_and_word() -> None:
    text = printed(results(), colour=False)
    for words in ("? INCONCLUSIVE", "≠ N/A,", "not as asked", "✗ FAIL", "! ERROR", "✓ PASS"):
        assert words in text


def fleet(size: int, precisions: int) -> RunResults:
    names = [f"board-{number:02}" for number in range(size)]
    columns = tuple(f"w{number}-block32-lowmem" for number in range(precisions))
    verdicts = list(Verdict)
    cells = tuple(
        measured(key(name, column), verdicts[(row + place) % len(verdicts)], reason="r")
        for row, name in enumerate(names)
        for place, column in enumerate(columns)
    )
    known = tuple(devices()[0].model_copy(update={"name": name}) for name in names)
    return results(devices=known, precisions=columns, cells=cells)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_sixty_devices_by_ten_precisions_stay_readable(width: int) -> None:
    run = fleet(60, 10)
    text = printed(run, colour=False, width=width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    for verdict in Verdict:
        shown = sum(line.count(f" {verdict.value}") for line in lines if line.startswith("│"))
        assert shown == sum(cell.verdict is verdict for cell in run.cells), "whole words, each cell once"
    boards = [line for line in lines if line.startswith("│board-")]
    assert len(boards) % 60 == 0, "one line a device in each block of columns"
    assert len({line.split("│")[1].strip() for line in boards}) == 60


@pytest.mark.parametrize("width", [40, 80, 160])
def test_every_column_is_in_one_block(width: int) -> None:
    text = printed(fleet(3, 10), colour=False, width=width)
    for number in range(10):
        assert len(re.findall(rf"w{number}-", text.split("✓ keeps")[0].split("b0", 1)[1])) == 1
