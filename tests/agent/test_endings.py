"""What a process's end is called."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.agent.cell_process import MAX_REQUEST, CellProcess
from harness.agent.endings import ending, oom_kills, tail
from harness.agent.failures import AgentError
from harness.agent.frames import Decoder, encode
from harness.agent.request import Request


def end(status: int, **changes: Any) -> AgentError:
    return ending(status, **{"late_s": None, "damage": "", "oom_kills": 0, "log": "", **changes})


@pytest.mark.parametrize(
    ("status", "changes", "code", "word"),
    [
        (signal.SIGKILL, {}, "child-killed", "SIGKILL"),
        (signal.SIGKILL, {"oom_kills": 1}, "out-of-memory", "memory"),
        (signal.SIGTERM, {"oom_kills": 1}, "child-killed", "SIGTERM"),
        (signal.SIGKILL, {"late_s": 5.0}, "cell-timeout", "5 s"),
        (signal.SIGKILL, {"damage": "not a frame"}, "child-crashed", "not a frame"),
        (signal.SIGSEGV, {"log": "a\nb"}, "child-crashed", "SIGSEGV. It said: a b"),
        (signal.SIGSEGV | 0x80, {}, "child-crashed", "SIGSEGV"),  # with a core dump
        (signal.SIGILL, {}, "child-crashed", "SIGILL"),
        (signal.SIGABRT, {"log": "what():  std::bad_alloc"}, "out-of-memory", "memory"),
        (34 + 5, {}, "child-killed", "39"),  # a real-time signal has no name
        (3 << 8, {}, "child-crashed", "status 3"),
        (0, {}, "child-crashed", "status 0"),
    ],
)
def test_names(status: int, changes: dict[str, Any], code: str, word: str) -> None:
    failure = end(int(status), **changes)
    assert failure.code == code
    assert word in failure.message


def test_long_logs_are_cut() -> None:
    assert len(end(signal.SIGSEGV, log="x" * 10_000 + " the end").message) < 700
    assert end(signal.SIGSEGV, log="x" * 10_000 + " the end").message.endswith("the end")


@pytest.mark.parametrize(
    ("content", "number"), [("nr_free 1\noom_kill 7\n", 7), ("nr_free 1\n", 0), ("oom_kill x\n", 0), ("", 0)]
)
def test_kills_of_the_kernel(tmp_path: Path, content: str, number: int) -> None:
    (tmp_path / "vmstat").write_text(content)
    assert oom_kills(str(tmp_path / "vmstat")) == number
    assert oom_kills(str(tmp_path / "absent")) == 0


def test_tails(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"begin" + bytes(9000) + b"\xffend")
    assert tail(str(tmp_path / "log")).endswith("�end")
    assert "begin" not in tail(str(tmp_path / "log"))
    assert tail(str(tmp_path / "absent")) == ""


@pytest.fixture
def replies() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def ask(replies: list[dict[str, Any]], tmp_path: Path) -> Callable[[CellProcess, int], None]:
    def asked(cell: CellProcess, number: int) -> None:
        def write(frame: bytes) -> None:
            replies.extend(header for header, _ in Decoder().feed(frame))

        cell.ask(Request({"id": number, "op": "infer"}, b"", write), {"op": "infer", "number": number})

    return asked


@pytest.fixture
def cell(tmp_path: Path) -> CellProcess:
    return CellProcess("c", str(tmp_path / "cell.log"), 60)


def heard(far: socket.socket) -> list[int]:
    far.setblocking(False)
    try:
        return [header["number"] for header, _ in Decoder().feed(far.recv(1 << 16))]
    except BlockingIOError:
        return []


def test_a_child_has_one_request_at_a_time(
    cell: CellProcess, ask: Callable[[CellProcess, int], None], replies: list[dict[str, Any]]
) -> None:
    for number in (1, 2, 3):
        ask(cell, number)
    for number in (1, 2, 3):
        assert heard(cell.far_end) == [number]
        cell.far_end.sendall(encode({"ok": True, "answer": number}))
        assert cell.read()
    assert [(reply["id"], reply["answer"]) for reply in replies] == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("said", [b"rubbish, not a frame", encode({"ok": True}) * 2])
def test_a_child_that_lost_its_mind(
    cell: CellProcess, ask: Callable[[CellProcess, int], None], replies: list[dict[str, Any]], said: bytes
) -> None:
    ask(cell, 1)
    cell.far_end.sendall(said)
    assert not cell.read()
    failure = cell.ended(signal.SIGKILL)
    assert failure.code == "child-crashed"
    assert "unreadable" in failure.message
    cell.settle(failure)
    assert [reply["id"] for reply in replies] == [1]


def test_a_child_that_died_with_a_frame_half_said(
    cell: CellProcess, ask: Callable[[CellProcess, int], None], replies: list[dict[str, Any]]
) -> None:
    ask(cell, 1)
    ask(cell, 2)
    cell.far_end.sendall(encode({"ok": True}) + encode({"ok": True}, b"12345")[:-2])
    cell.far_end.close()  # with a request unread: the agent's next read is an ECONNRESET
    failure = cell.ended(signal.SIGSEGV)
    cell.settle(failure)
    assert [(reply["id"], reply["ok"]) for reply in replies] == [(1, True), (2, False)]
    assert replies[1]["code"] == "child-crashed"


def test_a_child_that_hangs_after_its_close_is_ended_soon(cell: CellProcess) -> None:
    hanging = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    cell.born(hanging.pid)
    cell.ask(Request({"id": 1, "op": "close"}, b"", lambda _: None), {})
    cell.kill_if_late(time.monotonic() + 30)
    assert hanging.poll() is None
    cell.far_end.sendall(encode({"ok": True}))
    assert cell.read()
    cell.kill_if_late(time.monotonic() + 4)
    assert hanging.poll() is None
    cell.kill_if_late(time.monotonic() + 6)
    assert hanging.wait(5) == -signal.SIGKILL


def test_a_request_that_would_not_fit(cell: CellProcess) -> None:
    with pytest.raises(AgentError, match="a request to a cell"):
        cell.ask(Request({"id": 1}, b"", print), {"x": "y" * MAX_REQUEST})


def test_replies_that_no_frame_can_hold() -> None:
    frames: list[bytes] = []
    Request({"id": 4}, b"", frames.append).answer({"x": float("nan")})
    ((header, _),) = Decoder().feed(frames[0])
    assert (header["id"], header["ok"], header["code"]) == (4, False, "protocol")
