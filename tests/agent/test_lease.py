"""The lease: one holder, freed by the kernel, shared between accounts, and never a kill of the wrong process."""

import errno
import json
import os
import stat
import subprocess
import sys
import time
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


def holder(path: Path, run: str = "other") -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), run, "somebody"], stdout=subprocess.PIPE)
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


def test_accounts_can_share_it(path: Path) -> None:
    before = os.umask(0o077)
    try:
        os.close(lease.take(str(path), "run", "me"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


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
