"""What a killed coordinator leaves of Ray is ended by the next one, and nothing else is."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.dispatch.scratch import reap, scratch, temporary_files_in
from harness.emulator.processes import descendants, process, wait_until_gone

SLEEP = "import time; time.sleep(60)"


def orphan(root: Path, owner: str | None = "1 1") -> Path:
    """A folder whose owner is no process: the first one of this machine did not start at 1."""
    folder = root / "farm-ray-orphan"
    folder.mkdir()
    if owner is not None:
        (folder / "owner").write_text(owner)
    return folder


def user_of(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a process that names the folder in its command line, and wait until /proc shows it."""
    return _started([sys.executable, "-c", SLEEP, f"--session-dir={folder}/session"], {}, folder, "cmdline")


def heir_of(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a process that has the folder in its environment only."""
    return _started([sys.executable, "-c", SLEEP], {"TMPDIR": f"{folder}/tmp"}, folder, "environ")


def _started(command: list[str], environment: dict[str, str], folder: Path, shown: str) -> "subprocess.Popen[bytes]":
    started = subprocess.Popen(command, env={**os.environ, **environment})
    while str(folder).encode() not in Path(f"/proc/{started.pid}/{shown}").read_bytes():
        assert started.poll() is None
    return started


def test_a_folder_is_its_owners_and_goes_with_it(tmp_path: Path) -> None:
    with scratch(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert reap(tmp_path) == []
        assert folder.is_dir()
    assert not folder.exists()


def test_what_nobody_owns_is_ended_and_removed(tmp_path: Path) -> None:
    folder = orphan(tmp_path)
    left, other = user_of(folder), user_of(tmp_path / "farm-ray-orphan-not")
    assert reap(tmp_path) == [folder]
    assert left.wait(timeout=5) == -9
    assert not folder.exists()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_who_works_for_a_run_is_known_by_where_its_temporary_files_go(tmp_path: Path) -> None:
    folder = orphan(tmp_path)
    worker, other = heir_of(folder), heir_of(tmp_path / "farm-ray-orphan-not")
    assert reap(tmp_path) == [folder]
    assert worker.wait(timeout=5) == -9
    assert other.poll() is None
    other.kill()
    other.wait()


def test_who_overwrote_command_line_and_environment_is_known_by_an_open_file(tmp_path: Path) -> None:
    """Ray's agents write their title over both, and their log is in the folder."""
    folder = orphan(tmp_path)
    with (folder / "agent.log").open("wb") as log, (tmp_path / "other.log").open("wb") as elsewhere:
        agent, other = (subprocess.Popen([sys.executable, "-c", SLEEP], stdout=to) for to in (log, elsewhere))
    assert reap(tmp_path) == [folder]
    assert agent.wait(timeout=5) == -9
    assert other.poll() is None
    other.kill()
    other.wait()


def test_what_a_process_of_the_run_started_goes_with_it(tmp_path: Path) -> None:
    folder = orphan(tmp_path)
    begets = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}], env={{}})"
    parent = subprocess.Popen([sys.executable, "-c", begets, f"--session-dir={folder}/session"])
    while not (children := descendants(parent.pid)):
        assert parent.poll() is None
    assert reap(tmp_path) == [folder]
    assert parent.wait(timeout=5) == -9
    assert wait_until_gone(children[0].pid, children[0].started, 5)


def test_whoever_is_left_at_the_end_is_ended_frozen_ones_too(tmp_path: Path) -> None:
    with scratch(tmp_path) as folder:
        frozen = heir_of(folder)
        os.kill(frozen.pid, signal.SIGSTOP)
    assert frozen.wait(timeout=5) == -9
    assert not folder.exists()


def test_temporary_files_are_in_the_folder_here_and_in_what_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = "import tempfile; print(tempfile.gettempdir())"
    for before in (None, str(tmp_path)):
        monkeypatch.delenv("TMPDIR", raising=False)
        if before:
            monkeypatch.setenv("TMPDIR", before)
        monkeypatch.setattr(tempfile, "tempdir", None)
        usual = tempfile.gettempdir()
        with scratch(tmp_path) as folder, temporary_files_in(folder):
            assert Path(tempfile.mkdtemp()).parent == folder / "tmp"
            told = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
            assert Path(told.stdout.strip()) == folder / "tmp"
        assert os.environ.get("TMPDIR") == before
        assert tempfile.gettempdir() == usual


def test_the_next_run_reaps(tmp_path: Path) -> None:
    folder = orphan(tmp_path)
    with scratch(tmp_path):
        assert not folder.exists()


def test_a_number_that_was_given_again_owns_nothing(tmp_path: Path) -> None:
    mine = process(os.getpid())
    assert mine is not None
    folder = orphan(tmp_path, f"{os.getpid()} {mine.started - 1}")
    assert reap(tmp_path) == [folder]


def test_a_folder_without_owner_is_left_alone_while_it_is_new(tmp_path: Path) -> None:
    folder = orphan(tmp_path, owner=None)
    assert reap(tmp_path) == []
    old = (time.time() - 120, time.time() - 120)
    os.utime(folder, old)
    in_use = user_of(folder)
    assert reap(tmp_path) == []
    in_use.kill()
    in_use.wait()
    assert reap(tmp_path) == [folder]


def test_what_is_not_understood_is_left_alone(tmp_path: Path) -> None:
    folder = orphan(tmp_path, "who?")
    link = tmp_path / "farm-ray-link"
    link.symlink_to(tmp_path)
    assert reap(tmp_path) == []
    assert folder.is_dir()
    assert link.is_symlink()
