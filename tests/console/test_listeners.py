"""Progress for people: plain lines in a file, a live display in a terminal; nothing foreign steers either."""

import io
import re

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from harness.console.listeners import LINE_EVERY_S, LiveListener, PlainListener, listening
from harness.dispatch.events import Progress
from harness.dispatch.ledger import Listener
from harness.errors import Code, Problem
from harness.evidence import CellEvidence
from tests.dispatch.builders import begun, failed, finished, key, measured, ready, snapshot
from tests.fleet.wires import HandClock

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e[red] end"


def console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=60, color_system=None), out


def plain() -> tuple[PlainListener, HandClock, io.StringIO]:
    to, out = console()
    clock = HandClock()
    return PlainListener(to, clock), clock, out


def progress(done: int = 0, device: str = "a76", text: str = "b0 fp16") -> Progress:
    return Progress(device=device, text=text, done=done, total=60, unit="images")


def test_a_plain_log_of_a_run() -> None:
    listener, clock, out = plain()
    listener.stage("starting Ray")
    clock.now += 2.5
    listener.planned(snapshot(), 2)
    listener.happened(ready(facts={"machine": "aarch64", "isa": ["fp16"]}, sent_bytes=1500))
    listener.happened(begun())
    listener.happened(finished(measured(key())))
    clock.now += 100
    listener.happened(finished(failed(key("fp16"), Problem(Code.CELL_TIMEOUT, "hung"))))
    assert out.getvalue().splitlines() == [
        "   0.0 s  farm           starting Ray",
        "   2.5 s  farm           run run-1: 2 cells to measure on 1 devices",
        "   2.5 s  a76            aarch64, instruction set: fp16; 1.5 kB sent",
        "   2.5 s  a76            [1/2] b0 fp32 (MNN 3.6.1): 35 images in 12.5 s",
        " 102.5 s  a76            [2/2] b0 fp16 (MNN 3.6.1): ERROR cell-timeout (device): hung",
    ]


def test_the_cells_of_each_run_of_a_command_are_counted_by_themselves() -> None:
    """A search for a remedy is a run after the other."""
    listener, _, out = plain()
    to, _ = console(terminal=True)
    with Bars(console=to) as bars:
        live = LiveListener(bars)
        for heard in (listener, live):
            for cells in (2, 1):
                heard.planned(snapshot(), cells)
                heard.happened(finished(measured(key())))
        assert [(task.completed, task.total) for task in bars.tasks if task.description == "cells"] == [(1, 1)]
        assert len(bars.tasks) == 2
    assert [line.split()[3] for line in out.getvalue().splitlines() if "[" in line] == ["[1/2]", "[1/1]"]


def test_a_plain_log_tells_progress_now_and_then_for_each_device() -> None:
    listener, clock, out = plain()
    for done in range(5):
        listener.happened(progress(done))
        listener.happened(progress(done, device="a53"))
        clock.now += LINE_EVERY_S / 2
    told = [line.split()[2:] for line in out.getvalue().splitlines()]
    assert told == [[device, "b0", "fp16", f"{done}/60", "images"] for done in (0, 2, 4) for device in ("a76", "a53")]


def hostile_events(listener: Listener) -> None:
    bad = key().model_copy(update={"device": HOSTILE, "model": HOSTILE})
    listener.stage(HOSTILE)
    listener.happened(ready(name=HOSTILE, facts={"machine": HOSTILE, "isa": [HOSTILE]}))
    listener.happened(progress(device=HOSTILE, text=HOSTILE))
    listener.happened(finished(failed(bad, Problem(Code.PROTOCOL, HOSTILE))))
    listener.happened(finished(CellEvidence(key=bad, unsupported=HOSTILE)))


def test_nothing_foreign_steers_a_log() -> None:
    listener, _, out = plain()
    hostile_events(listener)
    lines = out.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines), lines
    assert all("[red]" in line for line in lines)  # shown, not obeyed


OURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
"""What a live display itself writes: cursor movements and colours."""


@pytest.mark.parametrize("name", ["a76", HOSTILE])
def test_a_live_display_shows_events_and_nothing_foreign_steers_it(name: str) -> None:
    to, out = console(terminal=True)
    with listening(to) as listener:
        assert isinstance(listener, LiveListener)
        note = snapshot().devices[0].model_copy(update={"name": name})
        listener.planned(snapshot(devices=(note,)), 2)
        listener.happened(progress(7, device=name))
        listener.happened(begun())
        listener.happened(finished(measured(key())))
        hostile_events(listener)
    text = out.getvalue()
    assert "[1/2] b0 fp32 (MNN 3.6.1): 35 images in 12.5 s" in text
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert "\u202e" not in text
    assert "\x07" not in OURS.sub("", text)


def test_progress_of_an_unknown_device_is_no_error() -> None:
    to, _ = console(terminal=True)
    with listening(to) as listener:
        listener.happened(progress(device="not planned"))


def test_a_file_gets_plain_lines() -> None:
    to, _ = console()
    with listening(to) as listener:
        assert isinstance(listener, PlainListener)
