"""The lease: one holder, freed by the kernel, shared between accounts, and never a kill of the wrong process."""

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from harness.agent import lease
from harness.agent.failures import AgentError
from tests.agent.processes import is_free, wait_until

HOLD = (
    "import sys, time; from harness.agent import lease; lease.take(*sys.argv[1:]); print(flush=True); time.sleep(60)"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "lease"


def holder(path: Path, run: str = "other", device: str = "") -> "subprocess.Popen[bytes]":
    words = [str(path), run, "somebody", device]
    process = subprocess.Popen([sys.executable, "-c", HOLD, *words], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n"
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def test_it_says_who_holds_it_and_goes_with_its_descriptor(path: Path) -> None:
    descriptor = lease.take(str(path), "run", "me")
    note = json.loads(path.read_text())
    assert (note["run"], note["holder"], note["pid"]) == ("run", "me", os.getpid())
    assert abs(note["since"] - time.time()) < 10
    assert not is_free(path)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    assert is_free(path)


def test_others_are_told_who_holds_it(path: Path) -> None:
    process = holder(path)
    with pytest.raises(AgentError) as caught:
        lease.take(str(path), "run", "me")
    end(process)
    assert caught.value.code == "device-busy"
    assert caught.value.reply()["held_by"]["holder"] == "somebody"
    assert "other of somebody" in caught.value.message


def test_a_killed_holder_frees_it(path: Path) -> None:
    process = holder(path)
    end(process)
    wait_until(lambda: is_free(path), 2)
    os.close(lease.take(str(path), "run", "me"))


def test_the_same_run_takes_over(path: Path) -> None:
    process = holder(path, "run")
    os.close(lease.take(str(path), "run", "me"))
    assert process.wait(5) < 0
    end(process)


def test_a_pid_that_is_anybodys_is_left_alone(path: Path) -> None:
    # The agent is dead, a child of its own still holds the lock, and another process has got its pid.
    process = holder(path, "run")
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    path.write_text(json.dumps({"run": "run", "holder": "somebody", "since": 0, "pid": innocent.pid}))
    with mock.patch.object(lease, "REPLACE_S", 0.4), pytest.raises(AgentError) as caught:
        lease.take(str(path), "run", "me")
    assert caught.value.code == "device-busy"
    assert innocent.poll() is None
    assert process.poll() is None
    for one in (innocent, process):
        one.kill()
        one.communicate()


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"run": "run"}',
        b'{"run": "run", "pid": "1"}',
        b'{"run": "run", "pid": true}',
        b'{"run": "run", "pid": -1}',
        b'{"since": NaN}',
        b'{"since": 1e999, "run": ["run"]}',
    ],
)
def test_notes_that_make_no_sense(path: Path, note: bytes) -> None:
    process = holder(path)
    path.write_bytes(note)
    with pytest.raises(AgentError) as caught:
        lease.take(str(path), "run", "me")
    end(process)
    assert caught.value.code == "device-busy"
    json.dumps(caught.value.reply(), allow_nan=False)


def test_a_removed_file_is_no_lease(path: Path) -> None:
    true_lock = lease._lock

    def lock_and_lose(descriptor: int) -> bool:
        locked = true_lock(descriptor)
        if not calls:
            path.unlink()  # somebody clears the folder just now
        calls.append(descriptor)
        return locked

    calls: list[int] = []
    with mock.patch.object(lease, "_lock", lock_and_lose):
        descriptor = lease.take(str(path), "run", "me")
    assert len(calls) == 2
    assert os.path.samestat(os.fstat(descriptor), path.stat())
    assert not is_free(path)
    os.close(descriptor)


def test_who_looks_takes_nothing_and_is_not_in_the_way(path: Path) -> None:
    assert lease.peek(str(path)) == (False, {})
    assert not path.exists()
    process = holder(path)
    held, note = lease.peek(str(path))
    assert (held, note["run"], note["holder"], note["pid"]) == (True, "other", "somebody", process.pid)
    end(process)
    # What stands in the file is the last holder's; nobody holds it any longer.
    assert lease.peek(str(path)) == (False, {})


def test_a_glance_of_somebody_else_does_not_make_it_busy(path: Path) -> None:
    os.close(lease.take(str(path), "run", "me"))
    with path.open("r+") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.15, lambda: fcntl.flock(looking, fcntl.LOCK_UN)).start()
        os.close(lease.take(str(path), "run", "me"))


def test_a_lease_that_cannot_be_read_is_not_told_to_be_free(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.mkdir()
    assert lease.peek(str(path)) == (False, {})  # a folder cannot be held; taking it fails with the reason
    with pytest.raises(AgentError) as caught, mock.patch("os.open", side_effect=PermissionError(13, "no")):
        lease.peek(str(path))
    assert caught.value.code == "workdir-unusable"


def test_a_board_that_stands_twice_in_a_run_is_busy_for_the_second_entry(path: Path) -> None:
    process = holder(path, run="run", device="pi5-01")
    with pytest.raises(AgentError) as caught:
        lease.take(str(path), "run", "me", "pi5-by-address")
    assert caught.value.code == "device-busy"
    assert process.poll() is None
    os.close(lease.take(str(path), "run", "me", "pi5-01"))  # its own leftover
    process.communicate()


def test_accounts_can_share_it(path: Path) -> None:
    before = os.umask(0o077)
    try:
        os.close(lease.take(str(path), "run", "me"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


def as_account(number: int, action: Callable[[], None]) -> int:
    """Do something in a process of another account, where this one may be another; return its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(number)
                os.setuid(number)
            os.umask(0o077)
            action()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_two_accounts_take_turns() -> None:
    with tempfile.TemporaryDirectory() as shared:  # pytest's own folders let no other account in
        Path(shared).chmod(0o1777)
        path = Path(shared, "lease")

        def take() -> None:
            os.close(lease.take(str(path), f"run of {os.geteuid()}", "me"))

        def find_busy() -> None:
            with pytest.raises(AgentError, match="other of somebody"):
                lease.take(str(path), "run", "me")

        assert as_account(4711, take) == 0
        process = holder(path)
        assert as_account(4712, find_busy) == 0
        end(process)
        assert as_account(4712, take) == 0
        assert json.loads(path.read_text())["run"] == f"run of {4712 if os.geteuid() == 0 else os.geteuid()}"


def refused(path: Path) -> AgentError:
    with pytest.raises(AgentError) as caught:
        lease.take(str(path), "run", "me")
    assert caught.value.code == "workdir-unusable"
    return caught.value


@pytest.mark.parametrize("name", ["target", "dangling"])
def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.write_text("a file of the user's own")
    target.chmod(0o600)
    path.parent.mkdir()
    path.symlink_to(tmp_path / name)
    assert "is a link" in refused(path).message
    with pytest.raises(AgentError):
        lease.peek(str(path))
    assert target.read_text() == "a file of the user's own"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not (tmp_path / "dangling").exists()


def test_a_second_name_of_another_file_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("a file of the user's own")
    path.parent.mkdir()
    path.hardlink_to(target)
    refused(path)
    assert target.read_text() == "a file of the user's own"


def test_what_is_no_file_is_refused_without_waiting_for_it(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    began = time.monotonic()
    assert "no ordinary file" in refused(path).message
    assert time.monotonic() - began < 2


def test_a_link_that_takes_its_place_meanwhile_is_not_followed(path: Path, tmp_path: Path) -> None:
    true_lock = lease._lock
    moved = tmp_path / "moved"

    def lock_and_swap(descriptor: int) -> bool:
        locked = true_lock(descriptor)
        path.rename(moved)
        path.symlink_to(moved)
        return locked

    with mock.patch.object(lease, "_lock", lock_and_swap):
        refused(path)
    assert moved.read_text() == ""
    assert is_free(moved)


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk-full"), (errno.EIO, "workdir-unusable")])
def test_a_note_that_cannot_be_written_locks_nobody_out(path: Path, number: int, code: str) -> None:
    with mock.patch.object(os, "pwrite", side_effect=OSError(number, "x")), pytest.raises(AgentError) as caught:
        lease.take(str(path), "run", "me")
    assert caught.value.code == code
    assert is_free(path)


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "lease", tmp_path):
        with pytest.raises(AgentError) as caught:
            lease.take(str(place), "run", "me")
        assert caught.value.code == "workdir-unusable"
