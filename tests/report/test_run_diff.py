"""`farm diff`: the page, its marks, its exit code."""

import io
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from harness.commands.diff import diff_command
from harness.errors import InputError
from harness.judge.diff import diff
from harness.report.diff import headline, render
from harness.results import Cause, CellResult, Verdict

from .builders import cells, explained, key, measured, results, timing
from .folders import run_folder
from .hostile import hostile
from .test_markdown import rows, section, whole_tables


def changed(index: int, **changes: object) -> tuple[CellResult, ...]:
    made = list(cells())
    made[index] = made[index].model_copy(update=changes)
    return tuple(made)


def against(after: tuple[CellResult, ...]) -> str:
    return render(diff(results(), results(cells=after)))


def test_nothing_changed() -> None:
    page = against(cells())
    assert "**Nothing changed for the worse: of 9 cells in both runs 0 are worse, 0 better," in page
    assert "of 5 timings that may be compared 0 are slower and 0 faster on hardware, 0 moved" in page
    assert "##" not in page


def test_a_lost_pass_is_worse_and_shown_with_its_reason() -> None:
    page = against(changed(0, verdict=Verdict.FAIL, reason="drops by 9 points", cause=Cause.DEVICE))
    assert "**Something changed for the worse: of 9 cells in both runs 1 are worse" in page
    (row,) = rows(section(page, "Worse"))[1:]
    assert row[:3] == ["pi5-01", "b0", "fp32"]
    assert row[3] == "✓ PASS · +0.0 pt · fp32, unproven"
    assert row[4] == "**✗ FAIL** · +0.0 pt · device · fp32, unproven"
    assert row[5:] == ["verdict, cause", "drops by 9 points"]


def test_better_and_neither_have_their_own_headings() -> None:
    page = against(changed(1, verdict=Verdict.PASS))
    assert rows(section(page, "Better"))[1][5] == "verdict"
    assert "Nothing changed for the worse" in page
    page = against(changed(7, cause=Cause.DEVICE))
    assert rows(section(page, "Changed, neither worse nor better"))[1][5] == "cause"


def test_a_known_failure_is_not_worse_and_says_why() -> None:
    page = against(changed(0, verdict=Verdict.FAIL, expected="4 bits"))
    assert "expected FAIL: 4 bits" in section(page, "Changed, neither worse nor better")
    assert "Nothing changed for the worse" in page


def test_cells_of_one_run_only() -> None:
    page = against(cells()[1:])
    assert rows(section(page, "Only in A"))[1][:4] == ["pi5-01", "b0", "fp32", "✓ PASS · +0.0 pt · fp32, unproven"]
    assert "1 are only in A, 0 only in B" in page
    extra = measured(key("pi5-01", "int8"), Verdict.PASS)
    assert rows(section(against((*cells(), extra)), "Only in B"))[1][2] == "int8"


def test_timings_of_hardware_and_of_emulated_boards_are_told_apart() -> None:
    slow = changed(0, timing=timing(60.0))
    page = against(slow)
    (row,) = rows(section(page, "Timings that moved"))[1:]
    assert row[3:] == ["**slower, +100.0 %**", "30.00", "60.00", "30.00", "3.15"]
    assert "1 are slower" in page
    assert "Something changed for the worse" in page
    page = against(changed(3, timing=timing(70.0, emulated=True)))
    (row,) = rows(section(page, "Timings of emulated boards that moved"))[1:]
    assert row[3].startswith("faster, emulated, ")
    assert "Nothing changed for the worse" in page
    assert "1 moved on emulated boards" in page
    assert "say nothing about hardware" in page


def test_devices_that_say_the_same_share_a_row() -> None:
    both = [measured(key(name, "fp16"), Verdict.PASS) for name in ("a", "b")]
    now = [cell.model_copy(update={"verdict": Verdict.INCONCLUSIVE}) for cell in both]
    page = render(diff(results(cells=tuple(both)), results(cells=tuple(now))))
    assert [row[0] for row in rows(section(page, "Worse"))[1:]] == ["a, b"]


def test_settings_that_differ_are_told() -> None:
    page = render(diff(results(), results(confidence=0.99)))
    assert rows(section(page, "What else differs"))[1] == ["confidence", "0.95", "0.99"]


def test_engines_against_each_other() -> None:
    new = tuple(c.model_copy(update={"key": c.key.model_copy(update={"engine": "3.7.0"})}) for c in cells())
    found = diff(results(), results(engines=("3.7.0",), cells=new))
    assert "compared across them" in render(found)
    assert "of 9 cells in both runs 0 are worse" in headline(found)


def test_equal_runs_give_equal_bytes_and_hostile_names_stay_text() -> None:
    evil = hostile()
    worse = tuple(cell.model_copy(update={"verdict": Verdict.ERROR}) for cell in evil.cells)
    found = diff(evil, evil.model_copy(update={"cells": worse, "confidence": 0.9, "id": evil.models[0].name}))
    page = render(found)
    assert page == render(found)
    html = MarkdownIt("commonmark").enable("table").render(page)
    for piece in ("<script", "<a ", "<img", "<h1>H", "\x1b"):
        assert piece not in html
    whole_tables(html)
    assert render(diff(evil, results(cells=(explained(cells()[1]),))))


def run(before: Path, after: Path, out: Path | None = None) -> tuple[int, str]:
    file = io.StringIO()
    return diff_command(before, after, out, Console(file=file, width=60)), file.getvalue()


def test_the_command_prints_writes_and_exits(tmp_path: Path) -> None:
    good, bad = run_folder(tmp_path / "good", wrong=0), run_folder(tmp_path / "bad")
    code, said = run(good, bad, tmp_path / "diff.md")
    assert code == 1
    assert said == (tmp_path / "diff.md").read_text()
    assert re.search(r"\| a53 +\| b0 +\| fp32 ", section(said, "Worse"))
    assert run(bad, good)[0] == 0
    assert "## Better" in run(bad, good)[1]
    assert run(bad, bad) == run(bad, bad)


def test_each_run_is_judged_by_its_own_thresholds(tmp_path: Path) -> None:
    strict = run_folder(tmp_path / "strict")
    loose = run_folder(tmp_path / "loose", thresholds={"accuracy_drop_points": 50.0})
    code, said = run(loose, strict)
    assert code == 1
    assert rows(section(said, "What else differs"))[1] == [r"threshold accuracy\_drop\_points", "50.0", "2.0"]


@pytest.mark.parametrize(("emulated", "code"), [(False, 1), (True, 0)])
def test_slower_hardware_is_worse_slower_emulation_is_not(tmp_path: Path, emulated: bool, code: int) -> None:
    fast = run_folder(tmp_path / "fast", emulated=emulated)
    slow = run_folder(tmp_path / "slow", emulated=emulated, took_ms=11.0)
    assert run(fast, slow)[0] == code
    assert run(slow, fast)[0] == 0


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    whole = run_folder(tmp_path / "whole")
    with pytest.raises(InputError, match="holds no run"):
        run(whole, tmp_path)
    with pytest.raises(InputError, match="holds no run"):
        run(tmp_path, whole)
    with pytest.raises(InputError, match="no cell in common"):
        run(whole, run_folder(tmp_path / "other", devices=("b1", "b2")))
    with pytest.raises(InputError, match="cannot be written"):
        run(whole, whole, tmp_path / "none" / "diff.md")
