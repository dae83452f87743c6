"""The cache is used only where nobody else could have filled it."""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from harness.cache import cache_root
from harness.dispatch.arrays import ArrayStore
from harness.dispatch.run_folder import open_folder
from harness.errors import Code, InputError
from harness.ours import who_else_writes
from tests.dispatch.builders import floats


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FARM_CACHE", str(folder))
    return folder


def refusal() -> str:
    with pytest.raises(InputError) as caught:
        cache_root()
    assert caught.value.problem.code is Code.MACHINE_NOT_READY
    assert "FARM_CACHE" in caught.value.problem.what_to_do
    return caught.value.problem.message


def test_one_that_is_not_there_yet_is_fine(cache: Path) -> None:
    assert cache_root() == cache
    assert not cache.exists()


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750, 0o711])
def test_one_that_only_we_write_to_is_fine(cache: Path, mode: int) -> None:
    (cache / "variants").mkdir(parents=True)
    (cache / "variants").chmod(mode)
    cache.chmod(mode)
    assert cache_root() == cache


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o702, 0o720])
@pytest.mark.parametrize("place", ["", "variants"])
def test_one_that_others_write_to_is_refused(cache: Path, mode: int, place: str) -> None:
    (cache / "variants").mkdir(parents=True, mode=0o700)
    (cache / place).chmod(mode)
    said = refusal()
    assert f"others may write to {cache / place} (mode {mode:04o})" in said


def test_somebody_elses_is_refused(cache: Path) -> None:
    cache.mkdir()
    with mock.patch.object(os, "geteuid", return_value=os.geteuid() + 1):
        assert "belongs to somebody else" in refusal()


def test_what_is_no_folder_is_refused(cache: Path) -> None:
    cache.write_text("")
    assert "cannot be used" in refusal()


def test_a_link_counts_as_where_it_leads(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    cache.symlink_to(tmp_path / "open")
    refusal()
    (tmp_path / "open").chmod(0o700)
    assert cache_root() == cache


def test_what_is_made_is_for_others_to_read_at_most(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        open_folder(tmp_path / "run", resume=False)
        ArrayStore(tmp_path / "run").save(floats(3))
    finally:
        os.umask(before)
    assert who_else_writes(tmp_path / "run") is None


def test_no_umask_of_a_login_opens_what_the_farm_makes(tmp_path: Path) -> None:
    """Where the command line begins, its children too: what the process makes afterwards is closed."""
    code = (
        "import os, click, harness.cli as cli\n"
        "cli.farm.main = lambda **_: (open('file', 'w'), os.makedirs('a/b'), os.system('touch c'))\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, umask=0)
    assert done.returncode == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"file": 0o644, "a": 0o755, "b": 0o755, "c": 0o644}


def test_the_command_line_says_it_and_runs_nothing(cache: Path, tmp_path: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    (tmp_path / "i.yaml").write_text("devices: [{name: a, host: h}]")
    command = [sys.executable, "-m", "harness", "check", "-i", str(tmp_path / "i.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "machine-not-ready (user)" in done.stderr
    assert "FARM_CACHE" in done.stderr
