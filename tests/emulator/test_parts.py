"""The parts of a board that need no board."""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.emulator import seccomp
from harness.emulator.board import load_boards
from harness.emulator.cpus import CPUS, DEFAULT_FLEET, Wanted, board_names, cpu_named, named
from harness.emulator.enclosure import Account, account
from harness.emulator.entrance import entrance
from harness.emulator.layout import Fleet, fleet_at
from harness.emulator.locking import locked
from harness.emulator.phone import busybox
from harness.emulator.processes import descendants, is_running, kill, process
from harness.emulator.server_config import server_config
from harness.emulator.tools import Tools, find_tools
from harness.errors import InputError
from harness.setup.sshd import SshServer

WHO = Account("pi", 1000, 1000, enclosed=True)


def tools(*, root: Path | None = None, version: tuple[int, int] = (9, 2)) -> Tools:
    return Tools(
        server=SshServer(Path("/usr/sbin/sshd"), root),
        server_version=version,
        userland=Path("/userland"),
        proot="/usr/bin/proot",
        qemu="/usr/bin/qemu",
        qemu_version="7",
        ssh="ssh",
        keygen="ssh-keygen",
        busybox=None,
    )


def test_boards_are_named_after_their_cpu_and_numbered_when_they_must_be() -> None:
    assert board_names(("max", "a64fx", "max")) == ("max-1", "a64fx", "max-2")


def test_phones_are_named_so_and_counted_by_themselves() -> None:
    assert named(("max",), ("max", "a64fx", "max")) == {
        "max": Wanted("max"),
        "phone-max-1": Wanted("max", phone=True),
        "phone-a64fx": Wanted("a64fx", phone=True),
        "phone-max-2": Wanted("max", phone=True),
    }


def test_a_phone_needs_busybox() -> None:
    with pytest.raises(InputError, match="busybox"):
        busybox(tools())


def test_default_fleet_is_of_known_cpus() -> None:
    assert len(DEFAULT_FLEET) == 4
    assert set(DEFAULT_FLEET) <= set(CPUS)


def test_unknown_cpu_is_told_with_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        cpu_named("cortex-a67")
    assert "cortex-a76" in caught.value.problem.what_to_do


def test_missing_parts_are_told_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as caught:
        find_tools(tmp_path)
    message = caught.value.problem.message
    for part in ("proot", "qemu-user-static", "ssh-keygen", "userland"):
        assert part in message
    assert "make setup" in caught.value.problem.what_to_do


def test_entrance_never_binds_the_host_s_own_folders() -> None:
    script = entrance(tools(), Fleet(Path("/state")).board("b"), WHO, "cortex-a76", "mark")
    words = script.split()
    assert "-R" not in words
    assert "-b /dev:" not in script
    bound = dict(words[i + 1].split(":")[::-1] for i, word in enumerate(words) if word == "-b")
    for inside in ("/home/pi", "/tmp", "/var/tmp", "/run", "/dev/shm", "/etc/passwd"):
        assert bound[inside].startswith("/state/b/"), inside


def test_server_config_knows_the_server_s_version(tmp_path: Path) -> None:
    fleet = Fleet(Path("/state"))
    old = server_config(tools(), fleet, fleet.board("b"), WHO, 1234)
    assert "ListenAddress 127.0.0.1:1234\n" in old
    assert "PerSourcePenalties" not in old
    assert "SshdSessionPath" not in old
    helper = tmp_path / "usr/lib/openssh/sshd-session"
    helper.parent.mkdir(parents=True)
    helper.touch()
    new = server_config(tools(root=tmp_path, version=(10, 0)), fleet, fleet.board("b"), WHO, 1234)
    assert "PerSourcePenalties no\n" in new
    assert f"SshdSessionPath {helper}\n" in new
    assert "SshdAuthPath" not in new


@pytest.mark.parametrize("path", ["/a b", "/a:b", "/a'b", "/a%b", "/a\nb"])
def test_paths_that_proot_would_misread_are_refused(path: str) -> None:
    with pytest.raises(InputError, match="have a meaning") as caught:
        fleet_at(Path(path))
    assert "FARM_CACHE" in caught.value.problem.what_to_do


def test_damaged_state_is_told(tmp_path: Path) -> None:
    for text in ("", "[]", '{"schema": 0, "boards": []}', '{"schema": 1, "boards": [{}]}'):
        (tmp_path / "boards.json").write_text(text)
        with pytest.raises(InputError):
            load_boards(Fleet(tmp_path))


def test_lock_that_somebody_holds(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 1, "wait"), pytest.raises(InputError, match="in use"):  # noqa: SIM117
        with locked(tmp_path / "lock", 0, "wait"):
            pass
    with locked(tmp_path / "lock", 0, "wait"):
        pass


def test_root_s_boards_are_enclosed_and_a_user_s_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert account() == Account("farm", 1000, 1000, enclosed=True)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)  # in no list of accounts
    assert account().enclosed


def test_process_is_known_by_its_start_time_too() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = process(child.pid)
    assert found is not None
    assert found.parent == os.getpid()
    assert (found.pid, found.started) in {(one.pid, one.started) for one in descendants(os.getpid())}
    recycled = type(found)(found.pid, found.parent, found.started - 1, found.state)
    kill(recycled)
    assert child.poll() is None
    kill(found)
    assert child.wait(timeout=10) == -9
    assert not is_running(found.pid, found.started)
    assert process(child.pid) is None


def test_filter_changes_two_calls_and_no_other() -> None:
    # In a process of its own: a filter stays.
    program = """
import ctypes, os
from harness.emulator import seccomp
seccomp.install()
libc = ctypes.CDLL(None, use_errno=True)
print(libc.prctl(4, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0))
print(libc.syscall(332, 0, 0, 0, 0, 0), ctypes.get_errno())
print(libc.prctl(15, b"renamed", 0, 0, 0), open("/proc/self/comm").read())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    still_dumpable = "0 1"
    assert done.stdout.split("\n")[:3] == [still_dumpable, f"-1 {errno.ENOSYS}", "0 renamed"]


def test_filter_is_made_of_eight_byte_instructions() -> None:
    jumps = [(i, one) for i, one in enumerate(seccomp.instructions(1, 2, 3)) if one[0] == 0x15]
    for index, (_, yes, no, _) in jumps:
        assert index + 1 + max(yes, no) < len(seccomp.instructions(1, 2, 3))
    assert ctypes.sizeof(ctypes.c_uint64) == 8
