"""The governor is set for the time of an agent and put back however that ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.agent import lease
from harness.agent.failures import AgentError
from harness.agent.governor import current, hold, put_back
from tests.agent.processes import is_free, wait_until

HOLDER = """
    import fcntl, os, sys, time
    sys.argv[0] = sys.argv[1]  # as in the agent: its own archive, by which it starts its helpers
    sys.path.insert(0, sys.argv[1])
    from harness.agent.governor import hold
    lease = os.open(sys.argv[4], os.O_RDWR | os.O_CREAT)
    fcntl.flock(lease, fcntl.LOCK_EX)
    hold("performance", sys.argv[2], lease, sys.argv[3])
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    for policy, governor in (("policy0", "schedutil"), ("policy4", "ondemand")):
        folder = tmp_path / "root/sys/devices/system/cpu/cpufreq" / policy
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(governor + "\n")
        (folder / "scaling_available_governors").write_text("ondemand performance schedutil \n")
    (tmp_path / "work").mkdir()
    return tmp_path


@pytest.fixture
def holder(board: Path, archive: Path) -> "Iterator[subprocess.Popen[str]]":
    words = [str(archive), str(board / "work"), str(board / "root"), str(board / "lease")]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


def governors(board: Path) -> dict[str, str]:
    return current(str(board / "root"))


BEFORE = {"policy0": "schedutil", "policy4": "ondemand"}
HELD = {"policy0": "performance", "policy4": "performance"}


def soon(board: Path, wanted: dict[str, str]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if governors(board) == wanted and not (board / "work/governor.json").exists():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_it_is_put_back_however_the_agent_ends(
    board: Path, holder: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    assert governors(board) == HELD
    assert json.loads((board / "work/governor.json").read_text()) == BEFORE
    holder.send_signal(number)
    assert soon(board, BEFORE)


def test_where_the_keeper_is_killed_too_the_next_agent_puts_it_back(
    board: Path, holder: "subprocess.Popen[str]"
) -> None:
    children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
    (keeper,) = map(int, children)
    os.kill(keeper, signal.SIGKILL)
    holder.kill()
    holder.wait()
    assert governors(board) == HELD
    put_back(str(board / "work"), str(board / "root"))
    assert soon(board, BEFORE)


def test_the_board_stays_locked_until_it_is_put_back(board: Path, holder: "subprocess.Popen[str]") -> None:
    (keeper,) = map(int, Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split())
    links = {link.readlink() for link in Path(f"/proc/{keeper}/fd").iterdir()}
    assert board / "lease" in links


def test_a_keeper_that_somebody_stopped_is_woken_by_whoever_wants_the_board(
    board: Path, holder: "subprocess.Popen[str]"
) -> None:
    (keeper,) = map(int, Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split())
    os.kill(keeper, signal.SIGSTOP)
    holder.kill()
    holder.wait()
    assert not is_free(board / "lease")
    assert governors(board) == HELD
    with pytest.raises(AgentError) as caught:
        lease.take(str(board / "lease"), "run", "me")
    assert caught.value.code == "device-busy"
    assert soon(board, BEFORE)
    wait_until(lambda: is_free(board / "lease"))


@pytest.mark.parametrize(
    ("wanted", "why"), [("turbo", "has no governor 'turbo'"), ("performance\nondemand", "has no governor")]
)
def test_what_the_device_does_not_know_is_refused(board: Path, wanted: str, why: str, archive: Path) -> None:
    with pytest.raises(AgentError, match=why) as caught:
        held(board, archive, wanted)
    assert caught.value.code == "governor-refused"
    assert governors(board) == BEFORE


def test_a_device_without_governors_says_so(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="no frequency governor"):
        hold("performance", str(tmp_path), -1, str(tmp_path))
    assert not (tmp_path / "governor.json").exists()


@pytest.mark.parametrize(
    "note", ["", "[]", "{", '{"policy9": "performance"}', '{"../../../evil": "x"}', '{"policy0": 7}']
)
def test_a_note_that_is_none_changes_nothing_else(board: Path, note: str) -> None:
    (board / "work/governor.json").write_text(note)
    before = sorted(path for path in board.rglob("*") if path.name != "governor.json")
    put_back(str(board / "work"), str(board / "root"))
    assert sorted(path for path in board.rglob("*") if path.name != "governor.json") == before
    assert governors(board)["policy4"] == "ondemand"


def held(board: Path, archive: Path, wanted: str) -> None:
    before, sys.argv[0] = sys.argv[0], str(archive)
    lease = os.open(board / "lease", os.O_RDWR | os.O_CREAT)
    try:
        hold(wanted, str(board / "work"), lease, str(board / "root"))
    finally:
        sys.argv[0] = before
        os.close(lease)
