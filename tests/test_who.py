"""`farm who`: a line a device, and an exit code that says whether all could be asked."""

from pathlib import Path

import pytest
from rich.console import Console

from harness.commands import who
from harness.errors import Code, Problem
from harness.fleet.client import LeaseFacts

LOST = Problem(Code.DEVICE_UNREACHABLE, "no answer")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (LeaseFacts(held=False), "○ pi: free"),
        (LeaseFacts(held=False, holder="the last one"), "○ pi: free"),
        (LeaseFacts(True, "7f", "anna@lab", 90.0), "● pi: held by anna@lab since 90 s, run 7f"),
        (LeaseFacts(True, "7f", "anna@lab", 600.0), "● pi: held by anna@lab since 10 min, run 7f"),
        (LeaseFacts(True, "7f", "anna@lab", 9000.0), "● pi: held by anna@lab since 2.5 h, run 7f"),
        (LeaseFacts(held=True), "● pi: held by somebody who left no name"),
        (LeaseFacts(True, "7", "\x1b[31mred", None), "● pi: held by [31mred, run 7"),
    ],
)
def test_a_line_a_device(answer: LeaseFacts, expected: str) -> None:
    (line,) = who.lines("pi", answer)
    assert line.replace("\\x1b", "").replace("\ufffd", "") == expected


def test_a_device_that_does_not_answer_has_a_reason_and_advice() -> None:
    told = who.lines("pi", LOST)
    assert told[0] == "! pi: device-unreachable (infrastructure): no answer"
    assert "power" in told[1]


@pytest.mark.parametrize(("second", "code"), [(LeaseFacts(held=True), 0), (LOST, 3)])
def test_the_exit_code(
    second: LeaseFacts | Problem, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text("devices:\n- {name: pi, host: a}\n- {name: po, host: b}\n")
    monkeypatch.setattr(who, "ask_all", lambda *_: [LeaseFacts(held=False), second])
    console = Console(record=True, width=200)
    assert who.who_command(inventory, console) == code
    assert "pi: free" in console.export_text()
