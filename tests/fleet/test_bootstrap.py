"""The bootstrap, run for real: the command line goes through `sh -c`, as a device's login shell would take it."""

import hashlib
import io
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.agent import PREAMBLE
from harness.fleet.bootstrap import AgentArchive, agent_archive, command

MAIN = f"""
import os, sys
sys.stdout.buffer.write({PREAMBLE!r} + repr(sys.argv[1:]).encode() + b"\\n"); sys.stdout.flush()
sys.stdout.buffer.write(os.read(0, 100))
"""


def stand_in() -> AgentArchive:
    """Return a tiny program in the place of the agent: it shows its arguments and repeats its input."""
    return AgentArchive(_zipped(MAIN))


def _zipped(program: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__main__.py", program)
    return buffer.getvalue()


ARCHIVE = stand_in()


def line(workdir: Path | str, archive: AgentArchive = ARCHIVE, python: str = sys.executable) -> str:
    return command(archive, launcher=(), python=python, workdir=str(workdir))


def run(words: str, sent: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", words], input=sent, capture_output=True, timeout=30, check=False, env=environment
    )


def stored(workdir: Path) -> list[str]:
    return sorted(file.name for file in (workdir / "store").iterdir())


def test_bytes_are_asked_for_once_checked_and_run(tmp_path: Path) -> None:
    work = tmp_path / "new" / "farm"
    first = run(line(work), ARCHIVE.data + b"first frame")
    expected = PREAMBLE + repr([str(work)]).encode() + b"\nfirst frame"
    assert first.stdout == b"\nFARM-BOOT need\n" + expected
    assert stored(work) == [hashlib.sha256(ARCHIVE.data).hexdigest()]
    assert (work / "store").stat().st_mode & 0o077 == 0

    second = run(line(work), b"first frame")
    assert second.stdout == b"\nFARM-BOOT have\n" + expected


def test_a_damaged_agent_in_the_store_is_asked_for_again(tmp_path: Path) -> None:
    run(line(tmp_path), ARCHIVE.data)
    (tmp_path / "store" / ARCHIVE.digest).write_bytes(ARCHIVE.data[:-1])
    again = run(line(tmp_path), ARCHIVE.data)
    assert again.stdout.startswith(b"\nFARM-BOOT need\n" + PREAMBLE)
    assert (tmp_path / "store" / ARCHIVE.digest).read_bytes() == ARCHIVE.data


@pytest.mark.parametrize("at", [0, 50, -1])
def test_bytes_that_changed_on_the_way_are_neither_kept_nor_run(tmp_path: Path, at: int) -> None:
    damaged = bytearray(ARCHIVE.data)
    damaged[at] ^= 1
    done = run(line(tmp_path), bytes(damaged))
    assert done.stdout == b"\nFARM-BOOT need\n\nFARM-BOOT corrupt\n"
    assert stored(tmp_path) == []


def test_a_connection_that_ends_within_the_bytes_leaves_nothing(tmp_path: Path) -> None:
    done = run(line(tmp_path), ARCHIVE.data[:-1])
    assert done.stdout == b"\nFARM-BOOT need\n"
    assert stored(tmp_path) == []


def test_a_workdir_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(line(tmp_path / "file" / "farm"), ARCHIVE.data)
    assert done.stdout.startswith(b"\nFARM-BOOT oserror 20 ")
    assert PREAMBLE not in done.stdout

    # A store that cannot be written, also for root: its place is taken by a file.
    (tmp_path / "store").touch()
    done = run(line(tmp_path), ARCHIVE.data)
    assert done.stdout.startswith(b"\nFARM-BOOT oserror 17 ")


HOSTILE = [
    "with blank",
    "it's",
    'quo"te',
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "*",
    "-x",
    "ä&b",
    "a\\b",
    "!x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_workdir_means_anything_to_a_shell(tmp_path: Path, name: str) -> None:
    work = tmp_path / "in" / name
    done = run(f"cd {shlex.quote(str(tmp_path))}; {line(work)}", ARCHIVE.data, LC_ALL="C.UTF-8")
    assert repr([str(work)]).encode() in done.stdout
    assert [entry.name for entry in (tmp_path / "in").iterdir()] == [name]
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_a_home_is_the_devices_own(tmp_path: Path) -> None:
    done = run(line("~/.cache/farm"), ARCHIVE.data, HOME=str(tmp_path))
    assert repr([f"{tmp_path}/.cache/farm"]).encode() in done.stdout


@pytest.mark.parametrize("word", [*HOSTILE, "proot-distro", "--"])
def test_every_word_arrives_as_it_is(word: str) -> None:
    words = shlex.split(command(ARCHIVE, launcher=(word, "login"), python=word, workdir=word))
    assert words[:4] == [word, "login", word, "-c"]
    assert words[5:] == [word, ARCHIVE.digest, str(len(ARCHIVE.data))]
    assert "\n" not in words[4]  # csh and some launchers break words that hold a newline
    assert words[4].isascii()


def test_a_launcher_runs_the_rest(tmp_path: Path) -> None:
    words = command(ARCHIVE, launcher=("env", "FARM=a b"), python=sys.executable, workdir=str(tmp_path))
    assert run(words, ARCHIVE.data).stdout.startswith(b"\nFARM-BOOT need\n" + PREAMBLE)


def test_a_python_that_is_not_there_ends_with_127(tmp_path: Path) -> None:
    done = run(line(tmp_path, python="python0.9"), b"")
    assert (done.returncode, done.stdout) == (127, b"")


def test_an_old_python_says_so_and_touches_nothing(tmp_path: Path) -> None:
    words = shlex.split(line(tmp_path / "farm"))
    words[2] = f"import sys; sys.version_info = (3, 6, 9); {words[2]}"
    done = run(shlex.join(words), ARCHIVE.data)
    assert (done.returncode, done.stdout) == (0, b"\nFARM-BOOT old 3.6\n")
    assert list(tmp_path.iterdir()) == []


def test_the_agents_archive_depends_on_its_sources_alone() -> None:
    first, second = agent_archive(), agent_archive()
    assert first.data == second.data
    assert first.digest == hashlib.sha256(first.data).hexdigest()
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
    assert names == sorted(names)
    assert {"__main__.py", "harness/__init__.py", "harness/agent/main.py", "harness/agent/frames.py"} <= set(names)
    assert all(name.endswith(".py") for name in names)


def test_the_archive_runs_by_itself_and_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    archive = tmp_path / "agent.zip"
    archive.write_bytes(agent_archive().data)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", archive, tmp_path], input=b"", capture_output=True, timeout=30, check=False
    )
    assert done.stdout == PREAMBLE
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
@pytest.mark.parametrize("inside", [".", "store"])
def test_a_workdir_that_others_may_change_is_refused(tmp_path: Path, mode: int, inside: str) -> None:
    work = tmp_path / "work"
    (work / "store").mkdir(parents=True, mode=0o700)
    work.chmod(0o700)
    (work / inside).chmod(mode)
    done = run(line(work), ARCHIVE.data)
    assert done.stdout == f"\nFARM-BOOT unsafe {(work / inside).resolve()}\n".encode()
    assert stored(work) == []


def test_the_umask_of_a_login_opens_nothing(tmp_path: Path) -> None:
    work = tmp_path / "cache" / "farm"  # makedirs gives its mode to the last folder only
    leaves = AgentArchive(_zipped("import os, sys; os.makedirs(sys.argv[1] + '/engines/x'); open('engine', 'w')"))
    done = run(f"umask 000; cd {tmp_path}; exec {line(work, leaves)}", leaves.data)
    assert done.stderr == b""
    assert len(stored(work)) == 1
    made = list(tmp_path.rglob("*"))
    assert len(made) == 7
    assert {path.name: path.stat().st_mode & 0o077 for path in made} == {path.name: 0 for path in made}
