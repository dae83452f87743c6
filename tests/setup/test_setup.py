"""Set-up's decisions: what is missing, which command, which mirror, whether anything is to do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import harness.cache
from harness.setup import apt, mirror, unpacking, userland
from harness.setup.main import main
from harness.setup.needs import BOARD_NEEDS, Need, missing
from harness.setup.places import cache_root
from harness.setup.saying import SetupError
from harness.setup.sshd import find_server, unpacked_root

ROOT = Path(__file__).resolve().parents[2]

TARGETS = """\
http://mirror.example/security/\tDebian-Security\tmain\tbookworm-security
http://vendor.example/apt/\tvendor\tmain\tstable
http://mirror.example/debian/\tDebian\tmain\tbookworm-updates
http://mirror.example/debian/\tDebian\tcontrib\tbookworm
http://mirror.example/right/\tDebian\tmain\tbookworm
"""

SIMULATION = """\
Reading package lists...
Inst openssh-client [1:9.2p1-2+deb12u6] (1:9.2p1-2+deb12u10 Debian:12.15/oldstable [amd64])
Inst openssh-sftp-server (1:9.2p1-2+deb12u10 Debian:12.15/oldstable [amd64])
Inst libssl3 [3.0.1] (3.0.2 Debian:12.15/oldstable [amd64])
Inst libwrap0 (7.6.q-32 Debian:12.15/oldstable [amd64])
Conf libwrap0 (7.6.q-32 Debian:12.15/oldstable [amd64])
"""


def absent(package: str) -> Need:
    return Need(package, "a test", lambda: False)


def programs(folder: Path, **scripts: str) -> None:
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_only_what_is_missing_is_named(only: Path) -> None:
    programs(only, proot="", qemu_aarch64_static="", ssh="")
    assert {"mmdebstrap", "openssh-client"} <= {need.package for need in missing(BOARD_NEEDS)}
    programs(only, ssh_keygen="", mmdebstrap="", busybox="")
    assert {need.package for need in missing(BOARD_NEEDS)} <= {"debian-archive-keyring"}


def test_nothing_missing_runs_nothing(only: Path) -> None:
    apt.install(())


def test_without_apt_it_says_where_it_works(only: Path) -> None:
    with pytest.raises(SetupError, match="Debian 12"):
        apt.install([absent("proot")])


def test_ordinary_user_gets_the_one_command(
    only: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    programs(only, apt_get="exit 9")
    expected = "apt-get update && apt-get install --yes --no-install-recommends proot mmdebstrap"
    with pytest.raises(SetupError) as caught:
        apt.install([absent("proot"), absent("mmdebstrap")])
    assert f"su -c '{expected}'" in str(caught.value)
    programs(only, sudo="exit 1")  # it would ask for a password
    with pytest.raises(SetupError) as caught:
        apt.install([absent("proot"), absent("mmdebstrap")])
    assert f"sudo sh -c '{expected}'" in str(caught.value)
    assert "missing: proot (a test)" in capsys.readouterr().out


def test_sudo_that_does_not_ask_is_used(only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(apt, "lists_are_fresh", lambda: True)
    log = tmp_path / "log"
    programs(only, apt_get="", sudo=f'printf "%s\\n" "$*" >> {log}')
    apt.install([absent("proot")])
    installed = "apt-get install --yes --no-install-recommends proot"
    assert log.read_text().splitlines() == ["-n true", f"-n env DEBIAN_FRONTEND=noninteractive {installed}"]


def test_root_updates_old_lists_first(only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(apt, "lists_are_fresh", lambda: False)
    log = tmp_path / "log"
    programs(only, apt_get=f'echo "$1 $DEBIAN_FRONTEND" >> {log}')
    apt.install([absent("proot")])
    assert log.read_text().splitlines() == ["update noninteractive", "install noninteractive"]


def test_failed_installation_is_tried_with_new_lists(
    only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(apt, "lists_are_fresh", lambda: True)
    log = tmp_path / "log"
    programs(only, apt_get=f'echo "$1" >> {log}; [ "$1" = update ] && exit; echo 404 here; exit 100')
    with pytest.raises(SetupError, match="404 here"):
        apt.install([absent("proot")])
    assert log.read_text().split() == ["install", "update", "install"]


def test_lists_age(tmp_path: Path) -> None:
    assert not apt.lists_are_fresh(tmp_path)
    (tmp_path / "mirror_Packages.lz4").touch()
    assert apt.lists_are_fresh(tmp_path)
    assert not apt.lists_are_fresh(tmp_path, now=time.time() + 2 * 86400)


def test_mirror_is_the_machine_s_own_of_the_main_archive() -> None:
    assert mirror.mirror_among(TARGETS) == "http://mirror.example/right/"
    assert mirror.mirror_among("http://u.example/ubuntu/\tUbuntu\tmain\tnoble\n") is None
    assert mirror.mirror_among("") is None


def test_userland_command_names_a_mirror_only_if_there_is_one() -> None:
    assert userland.command(Path("/to"), None)[-2:] == ["bookworm", "/to"]
    assert userland.command(Path("/to"), "http://m.example/")[-1] == "http://m.example/"
    assert "--mode=chrootless" in userland.command(Path("/to"), None)


def test_userland_is_kept_by_its_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = userland.userland_path(Path("/c"))
    monkeypatch.setattr(userland, "PACKAGES", (*userland.PACKAGES, "one-more"))
    assert userland.userland_path(Path("/c")) != before


def test_userland_that_cannot_be_built_leaves_nothing(only: Path, tmp_path: Path) -> None:
    leftover = tmp_path / "userland" / ".building-1" / "usr"
    leftover.mkdir(parents=True)
    leftover.chmod(0o555)
    programs(only, mmdebstrap="echo no network; exit 1")
    with pytest.raises(SetupError, match="no network"):
        userland.build_userland(tmp_path)
    assert not list((tmp_path / "userland").iterdir())


def test_userland_that_is_there_is_not_built(only: Path, tmp_path: Path) -> None:
    userland.userland_path(tmp_path).mkdir(parents=True)
    userland.build_userland(tmp_path)


def test_only_new_libraries_are_unpacked_with_the_server() -> None:
    assert unpacking.fresh_packages(SIMULATION) == ("openssh-sftp-server", "libwrap0")


def test_unpacked_server_brings_its_libraries(tmp_path: Path) -> None:
    root = unpacked_root(tmp_path)
    for name in ("usr/sbin/sshd", "usr/lib/x86_64-linux-gnu/libwrap.so.0"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    server = find_server(tmp_path)
    assert server is not None
    if server.root:  # else the machine has one of its own
        assert server.library_path == str(root / "usr/lib/x86_64-linux-gnu")


@pytest.mark.parametrize(
    "named", [{"FARM_CACHE": "/c"}, {"XDG_CACHE_HOME": "/x"}, {"HOME": "/h"}, {"FARM_CACHE": "~/c"}]
)
def test_cache_is_where_the_harness_looks(named: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FARM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert cache_root() == harness.cache.cache_root()


def test_too_old_python_is_told_before_anything_else(tmp_path: Path) -> None:
    program = (
        "import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_module('harness.setup', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "3.11 or newer" in done.stdout


def test_set_up_needs_the_standard_library_only() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); import harness.setup.main"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_cache_that_others_write_to_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    monkeypatch.setenv("FARM_CACHE", str(cache))
    before = os.umask(0o022)
    try:
        assert main(["run"]) == 2
    finally:
        os.umask(before)
    assert f"others may write to {cache}" in capsys.readouterr().out
    assert list(cache.iterdir()) == []
