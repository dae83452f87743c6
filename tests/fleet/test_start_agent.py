"""From a session to a running agent: what a device may say before the preamble, and what each of it means."""

import threading
from typing import cast

import paramiko
import pytest

from harness.agent import PREAMBLE
from harness.config.inventory import Device
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.fleet.bootstrap import AgentArchive, command
from harness.fleet.deadline import Deadline
from harness.fleet.start_agent import MAX_NOISE, read_until, start_agent
from tests.fleet.channels import FakeChannel, FakeTransport
from tests.fleet.wires import HandClock, soon

ARCHIVE = AgentArchive(b"the agent's bytes")
BOARD = Device(name="b", host="h", python="python3.11", workdir="~/farm")
MOTD = b"Welcome to Armbian!\r\n\x1b[31mFARM-BOOT is not said like this\n"


def start(opened: FakeChannel | Exception, device: Device = BOARD) -> tuple[bytes, int]:
    transport = cast(paramiko.Transport, FakeTransport(opened))
    channel, rest, sent = start_agent(transport, device, ARCHIVE, deadline=soon())
    assert channel is cast(object, opened)
    return rest, sent


def failure(opened: FakeChannel | Exception, device: Device = BOARD) -> FarmError:
    with pytest.raises(FarmError) as caught:
        start(opened, device)
    return caught.value


def said(word: bytes) -> bytes:
    return b"\nFARM-BOOT " + word + b"\n"


def test_an_agent_that_is_there_gets_no_bytes() -> None:
    channel = FakeChannel([said(b"have") + PREAMBLE])
    assert start(channel) == (b"", 0)
    assert channel.sent == b""
    assert channel.commands == [command(ARCHIVE, launcher=(), python="python3.11", workdir="~/farm")]
    assert channel.timeouts[-1] is None  # from here on heartbeats watch, not the channel


def test_an_agent_that_is_missing_gets_its_bytes() -> None:
    channel = FakeChannel([said(b"need"), PREAMBLE + b"FRM1 first"])
    assert start(channel) == (b"FRM1 first", len(ARCHIVE.data))
    assert channel.sent == ARCHIVE.data


def test_a_login_that_trickles_for_ever_meets_the_deadline() -> None:
    clock = HandClock()

    class Trickle(FakeChannel):
        def recv(self, nbytes: int) -> bytes:
            assert nbytes
            clock.now += 20.0  # always in time for the channel's own time-out
            return b"."

    with pytest.raises(TransportError) as caught:
        read_until(Trickle([]), b"#MARK#", deadline=Deadline.after(60.0, clock))
    assert caught.value.problem.code is Code.CONNECTION_LOST
    assert clock.now == 1060.0


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_noise_of_the_login_shell_is_skipped_however_it_is_cut(size: int) -> None:
    stream = MOTD + said(b"have") + b"warning: locale\n" + PREAMBLE + b"rest"
    rest, _ = start(FakeChannel(stream[at : at + size] for at in range(0, len(stream), size)))
    assert b"rest".startswith(rest)


def test_noise_without_end_is_a_protocol_failure() -> None:
    class Endless(FakeChannel):
        def recv(self, nbytes: int) -> bytes:
            return b"y\n" * (nbytes // 2)

    problem = failure(Endless([])).problem
    assert problem.code is Code.PROTOCOL
    assert "login shell" in problem.message


def test_a_mark_within_the_limit_is_found() -> None:
    noise = b"y" * (MAX_NOISE - 10)
    parts = [noise[at : at + 65536] for at in range(0, len(noise), 65536)]
    assert read_until(FakeChannel([*parts, b"#MARK#rest"]), b"#MARK#", deadline=soon()) == (
        noise,
        b"rest",
    )


@pytest.mark.parametrize(
    ("word", "code", "words"),
    [
        (b"old 3.6", Code.PYTHON_TOO_OLD, "3.6"),
        (b"oserror 28 [Errno 28] No space left on device: '/x'", Code.DISK_FULL, "No space left"),
        (b"oserror 122 [Errno 122] Disk quota exceeded", Code.DISK_FULL, "quota"),
        (b"oserror 13 [Errno 13] Permission denied: '/x'", Code.WORKDIR_UNUSABLE, "Permission denied"),
        (b"oserror 30 [Errno 30] Read-only file system", Code.WORKDIR_UNUSABLE, "Read-only"),
        (b"something else", Code.PROTOCOL, "something else"),
        (b"\xff\xfe", Code.PROTOCOL, "\ufffd"),
        (b"", Code.PROTOCOL, "''"),
        (b"needed", Code.PROTOCOL, "needed"),
    ],
)
def test_each_first_word_that_is_a_refusal(word: bytes, code: Code, words: str) -> None:
    problem = failure(FakeChannel([MOTD + said(word)])).problem
    assert problem.code is code
    assert words in problem.message


@pytest.mark.parametrize(
    ("word", "code"),
    [(b"corrupt", Code.STORE_CORRUPT), (b"oserror 28 [Errno 28] No space left on device", Code.DISK_FULL)],
)
@pytest.mark.parametrize("together", [True, False])
def test_refusals_after_the_bytes(word: bytes, code: Code, together: bool) -> None:
    parts = [said(b"need") + said(word)] if together else [said(b"need"), said(word)]
    problem = failure(FakeChannel(parts, status=0)).problem
    assert problem.code is code


@pytest.mark.parametrize("status", [126, 127])
def test_a_command_that_is_not_found_is_a_missing_python(status: int) -> None:
    stderr = b"sh: 1: python3.11: not found\n"
    problem = failure(FakeChannel([MOTD], status=status, stderr=stderr)).problem
    assert problem.code is Code.PYTHON_MISSING
    assert "`python3.11` was not found" in problem.message
    assert "sh: 1: python3.11: not found" in problem.message


@pytest.mark.parametrize("status", [1, 126, 127])
def test_a_launcher_that_fails_is_named(status: int) -> None:
    phone = BOARD.model_copy(update={"launcher": ("proot-distro", "login", "debian", "--")})
    problem = failure(FakeChannel([], status=status, stderr=b"container 'debian' is not installed"), phone).problem
    assert problem.code is Code.LAUNCHER_FAILED
    assert "`proot-distro login debian --`" in problem.message
    assert str(status) in problem.message
    assert "not installed" in problem.message


def test_an_agent_that_ends_at_its_start() -> None:
    ended = failure(FakeChannel([said(b"have"), b""], status=1, stderr=b"SyntaxError: invalid syntax"))
    assert isinstance(ended, DeviceError)
    assert ended.problem.code is Code.AGENT_DIED
    assert "SyntaxError" in ended.problem.message


def lost(opened: FakeChannel | Exception) -> None:
    ended = failure(opened)
    assert isinstance(ended, TransportError), ended
    assert ended.problem.code is Code.CONNECTION_LOST


def test_a_session_that_ends_without_a_status_is_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.fleet.start_agent.STATUS_S", 0.01)
    lost(FakeChannel([MOTD]))


@pytest.mark.parametrize("error", [paramiko.SSHException("refused"), EOFError(), OSError("reset"), TimeoutError()])
def test_a_session_that_cannot_be_opened_is_a_lost_connection(error: Exception) -> None:
    lost(error)


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError("reset"), OSError("Socket is closed")])
def test_a_connection_that_breaks_while_the_agent_starts(error: Exception) -> None:
    lost(FakeChannel([error]))
    lost(FakeChannel([said(b"need"), error]))
    refusing = FakeChannel([said(b"need")])
    refusing.refuses_bytes = error
    lost(refusing)


def test_a_status_that_comes_after_the_end_of_the_output_still_counts() -> None:
    channel = FakeChannel([MOTD], stderr=b"not found")
    channel.status = 127
    timer = threading.Timer(0.05, channel.status_event.set)
    timer.start()
    assert failure(channel).problem.code is Code.PYTHON_MISSING
    timer.join()
