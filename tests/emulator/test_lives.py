"""Boards coming up, staying, and going, with everything they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.emulator.board import Board
from harness.emulator.boards import down, status, up
from harness.emulator.processes import marked, process
from harness.emulator.session import default_fleet
from harness.errors import Code, InputError
from tests.boards import running_fleet, ssh

pytestmark = pytest.mark.e2e

ONE = ("cortex-a76",)
DETACHED = (
    "setsid sleep 600 >/dev/null 2>&1 </dev/null & env -i setsid sleep 601 >/dev/null 2>&1 </dev/null & sleep 602"
)

SESSION = """
import sys, time
from pathlib import Path
from harness.emulator.session import default_fleet
with default_fleet(cpus=("cortex-a76",), state_dir=Path(sys.argv[1])):
    print("up", flush=True)
    time.sleep(600)
"""


def left_of(board: Board) -> list[int]:
    below = {board.keeper, *(one.pid for one in marked(board.mark))}
    return [pid for pid in below if alive(pid)]


def alive(pid: int) -> bool:
    found = process(pid)  # what ended and was not collected by the machine's first process is still listed
    return found is not None and found.state != "Z"


def leave_something_running(board: Board) -> None:
    client = subprocess.Popen([*board.ssh_command(), DETACHED], stdin=subprocess.DEVNULL)
    wait_for(lambda: len(sleepers(board)) == 3)
    client.kill()
    client.wait()


def sleepers(board: Board) -> list[int]:
    return [one.pid for one in marked(board.mark) if b"sleep\x0060" in command_line(one.pid)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_down_takes_what_detached_itself(tmp_path: Path) -> None:
    with running_fleet(tmp_path, ONE) as running:
        board = running.boards["cortex-a76"]
        leave_something_running(board)
        pids = sleepers(board)
        tracer = next(one.pid for one in marked(board.mark) if b"proot\0" in command_line(one.pid))
        assert [one.running for one in status(tmp_path)] == [True]
        assert [one.name for one in down(tmp_path)] == ["cortex-a76"]
        assert left_of(board) == []
        assert not [pid for pid in pids if alive(pid)]
        assert status(tmp_path) == ()
        assert down(tmp_path) == ()
        assert not list(Path("/tmp").glob(f"proot-{tracer}-*"))


def test_down_takes_what_a_killed_keeper_left(tmp_path: Path) -> None:
    with running_fleet(tmp_path, ONE) as running:
        board = running.boards["cortex-a76"]
        leave_something_running(board)
        pids = sleepers(board)
        os.kill(board.keeper, signal.SIGKILL)
        wait_for(lambda: not board.running)
        assert [one.running for one in status(tmp_path)] == [False]
        down(tmp_path)
        assert left_of(board) == []
        assert not [pid for pid in pids if alive(pid)]


def test_board_ends_when_its_server_does(tmp_path: Path) -> None:
    with running_fleet(tmp_path, ONE) as running:
        board = running.boards["cortex-a76"]
        leave_something_running(board)
        server = next(one for one in marked(board.mark) if one.parent == board.keeper and is_server(one.pid))
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: left_of(board) == [])


def is_server(pid: int) -> bool:
    return b"sshd" in command_line(pid)


def test_up_again_changes_nothing_and_restarts_what_died(tmp_path: Path) -> None:
    with running_fleet(tmp_path) as running:
        again = up(("cortex-a72", "cortex-a76"), tmp_path)
        assert again == tuple(running.boards.values())
        os.kill(again[0].keeper, signal.SIGKILL)
        wait_for(lambda: not again[0].running)
        repaired = up(("cortex-a72", "cortex-a76"), tmp_path, tmp_path / "other.yaml")
        assert repaired[1] == again[1]
        assert repaired[0].keeper != again[0].keeper
        assert (repaired[0].port, repaired[0].host_key) == (again[0].port, again[0].host_key)
        assert (tmp_path / "other.yaml").read_text() == (tmp_path / "inventory.yaml").read_text()
        assert ssh(repaired[0], "true").returncode == 0


def test_other_boards_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    with running_fleet(tmp_path, ONE), pytest.raises(InputError) as caught:
        up(("cortex-a53",), tmp_path)
    assert caught.value.problem.code is Code.MACHINE_NOT_READY
    assert "cortex-a76" in caught.value.problem.message


def test_home_port_and_host_key_stay_and_tmp_does_not(tmp_path: Path) -> None:
    with running_fleet(tmp_path, ONE) as running:
        first = running.boards["cortex-a76"]
        ssh(first, "echo kept > ~/kept; echo gone > /tmp/gone")
    with running_fleet(tmp_path, ONE) as running:
        second = running.boards["cortex-a76"]
        assert ssh(second, "cat ~/kept /tmp/gone").stdout == "kept\n"
    assert (first.port, first.host_key) == (second.port, second.host_key)
    assert first.mark != second.mark


def test_two_boards_of_one_cpu(tmp_path: Path) -> None:
    with running_fleet(tmp_path, ("max", "max")) as running:
        assert list(running.boards) == ["max-1", "max-2"]
        ssh(running.boards["max-1"], "touch ~/here")
        assert ssh(running.boards["max-2"], "ls ~/here").returncode != 0


def test_session_gives_an_inventory_and_takes_its_boards_down(tmp_path: Path) -> None:
    with default_fleet(cpus=ONE, state_dir=tmp_path) as inventory:
        (board,) = status(tmp_path)
        assert inventory.exists()
        with pytest.raises(InputError, match="in use"), default_fleet(cpus=ONE, state_dir=tmp_path):
            pass
        assert board.running
    assert left_of(board) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_session_that_is_ended_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    session = subprocess.Popen(
        [sys.executable, "-c", SESSION, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert session.stdout is not None
    assert session.stdout.readline() == b"up\n"
    (board,) = status(tmp_path)
    session.send_signal(number)
    session.communicate()
    assert session.returncode != 0
    wait_for(lambda: left_of(board) == [])
