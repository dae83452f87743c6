"""What hello brings about on the device, in a process as the agent is one: lease, leftovers, governor, facts."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.agent.governor import current
from tests.agent.processes import children, is_free, wait_until

AGENT = """
    import json, sys, time
    sys.argv[0] = sys.argv[1]  # as in the agent: its own archive, by which it starts its helpers
    sys.path.insert(0, sys.argv[1])
    from harness.agent.failures import AgentError
    from harness.agent.greeting import greet
    class Zygotes:
        lease = -1
    zygotes = Zygotes()
    for line in sys.stdin:
        try:
            reply = greet(sys.argv[2], zygotes, json.loads(line), sys.argv[3])
        except AgentError as error:
            reply = error.reply()
        print(json.dumps(dict(reply, held=zygotes.lease)), flush=True)
    time.sleep(600)
"""
BEFORE = {"policy0": "schedutil", "policy4": "ondemand"}
HELD = {"policy0": "performance", "policy4": "performance"}


class Greeted:
    """A process that greets as often as it is asked to."""

    def __init__(self, board: Path, archive: Path) -> None:
        words = [str(archive), str(board / "work"), str(board / "root")]
        code = [sys.executable, "-c", textwrap.dedent(AGENT), *words]
        self.process = subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lease = board / "lease"

    def hello(self, **more: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"lease": str(self._lease), "run": "r", "holder": "tests", "silence_s": 60, **more}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.communicate()


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A tree as /sys shows it, two clusters of cores with governors of their own."""
    for policy, name in BEFORE.items():
        folder = tmp_path / "root/sys/devices/system/cpu/cpufreq" / policy
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(name + "\n")
        (folder / "scaling_available_governors").write_text("ondemand performance schedutil \n")
    (tmp_path / "root/proc").mkdir()
    (tmp_path / "root/proc/loadavg").write_text("0.52 0.58 0.59 1/389 12345\n")
    return tmp_path


@pytest.fixture
def agent(board: Path, archive: Path) -> Iterator[Callable[[], Greeted]]:
    with ExitStack() as stack:

        def begin() -> Greeted:
            begun = Greeted(board, archive)
            stack.callback(begun.end)
            return begun

        yield begin


def governors(board: Path) -> dict[str, str]:
    return current(str(board / "root"))


def test_a_governor_that_is_asked_for_holds_until_the_end_and_so_does_the_board(
    board: Path, agent: Callable[[], Greeted]
) -> None:
    one = agent()
    reply = one.hello(governor="performance")
    assert reply["held"] >= 0
    assert reply["facts"]["load1"] == 0.52
    assert governors(board) == HELD
    assert one.hello(governor="performance")["held"] == reply["held"], "greeted twice, held once"
    assert len(children(one.process.pid)) == 1
    assert not is_free(board / "lease")
    one.end()
    wait_until(lambda: governors(board) == BEFORE and is_free(board / "lease"))
    assert not (board / "work/governor.json").exists()


def test_nothing_is_changed_where_nobody_asks(board: Path, agent: Callable[[], Greeted]) -> None:
    files = sorted(board.glob("root/**/scaling_governor"))
    before = [(file.read_text(), file.stat().st_mtime_ns) for file in files]
    one = agent()
    for more in ({}, {"governor": None}):
        assert one.hello(**more)["held"] >= 0
    assert [(file.read_text(), file.stat().st_mtime_ns) for file in files] == before
    assert children(one.process.pid) == []
    assert not (board / "work/governor.json").exists()


def test_what_a_killed_agent_and_keeper_left_is_put_back_by_whoever_comes_next(
    board: Path, agent: Callable[[], Greeted]
) -> None:
    one = agent()
    assert one.hello(governor="performance")["held"] >= 0
    (keeper,) = children(one.process.pid)
    os.kill(keeper, signal.SIGKILL)
    one.end()
    wait_until(lambda: is_free(board / "lease"))
    assert governors(board) == HELD
    assert agent().hello(run="another")["held"] >= 0
    assert governors(board) == BEFORE


@pytest.mark.parametrize("wanted", ["turbo", "", "performance\n"])
def test_who_is_refused_leaves_board_and_governor_alone(
    board: Path, agent: Callable[[], Greeted], wanted: str
) -> None:
    one = agent()
    reply = one.hello(governor=wanted)
    assert (reply["code"], reply["held"]) == ("governor-refused", -1)
    assert governors(board) == BEFORE
    assert is_free(board / "lease")
    assert agent().hello(run="another", governor="performance")["held"] >= 0


def test_a_governor_that_may_not_be_written_is_refused(board: Path, agent: Callable[[], Greeted]) -> None:
    file = board / "root/sys/devices/system/cpu/cpufreq/policy4/scaling_governor"
    file.unlink()
    file.symlink_to("/proc/version")  # can be read, and not even root may write there
    one = agent()
    reply = one.hello(governor="performance")
    assert reply["code"] == "governor-refused"
    one.end()
    wait_until(lambda: governors(board)["policy0"] == "schedutil" and is_free(board / "lease"))


def test_who_cannot_note_the_governor_does_not_keep_the_board(board: Path, agent: Callable[[], Greeted]) -> None:
    (board / "work/governor.json.part").mkdir(parents=True)
    one = agent()
    reply = one.hello(governor="performance")
    assert (reply["code"], reply["held"]) == ("workdir-unusable", -1)
    assert governors(board) == BEFORE
    assert is_free(board / "lease")


def test_a_device_without_governors_is_not_held_either(board: Path, agent: Callable[[], Greeted]) -> None:
    for file in board.glob("root/**/scaling_*"):
        file.unlink()
    one = agent()
    assert one.hello(governor="performance")["code"] == "governor-refused"
    assert is_free(board / "lease")
    assert one.hello()["held"] >= 0, "asked for nothing more, it is as good as any"


def test_leftovers_go_before_anything_else_comes(board: Path, agent: Callable[[], Greeted]) -> None:
    (board / "work/tmp").mkdir(parents=True)
    (board / "work/tmp/cell-3.log").write_text("left over")
    assert agent().hello()["held"] >= 0
    assert list((board / "work/tmp").iterdir()) == []
