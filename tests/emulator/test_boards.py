"""Boards as an SSH client sees them."""

import socket
import subprocess
from pathlib import Path

import paramiko
import pytest
import yaml

from harness.config.inventory import load_inventory
from harness.emulator.board import Board
from tests.boards import RunningFleet, ssh

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def a72(fleet: RunningFleet) -> Board:
    return fleet.boards["cortex-a72"]


@pytest.fixture(scope="module")
def a76(fleet: RunningFleet) -> Board:
    return fleet.boards["cortex-a76"]


def test_every_board_is_an_arm_machine_with_python(fleet: RunningFleet) -> None:
    for board in fleet.boards.values():
        done = ssh(board, "uname -m; python3 -c 'import platform; print(platform.machine(), platform.libc_ver()[0])'")
        assert done.stdout.split() == ["aarch64", "aarch64", "glibc"], done.stderr


def test_only_the_board_with_fp16_says_so(a72: Board, a76: Board) -> None:
    question = "python3 -c 'import ctypes; print(ctypes.CDLL(None).getauxval(16) >> 9 & 1)'"
    assert [ssh(board, question).stdout.strip() for board in (a72, a76)] == ["0", "1"]


def test_environment_is_the_board_s_own(a76: Board) -> None:
    lines = ssh(a76, "env").stdout.splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert found["HOME"] == f"/home/{a76.user}"
    assert found["TMPDIR"] == "/tmp"
    assert found["LANG"] == "C.UTF-8"
    assert not [line for line in lines if str(a76.home.parent) in line]
    assert set(found) <= {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR", "TERM", "PWD", "SSH_CONNECTION", "FARM_BOARD",
    }  # fmt: skip


def test_exit_code_streams_and_quoting_arrive(a76: Board) -> None:
    done = ssh(a76, "printf '%s|' \"a  b\" 'c\"d'; echo wrong >&2; read x; echo $x; exit 7", stdin="typed\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, 'a  b|c"d|typed\n', "wrong\n")


def test_shell_without_a_command(a76: Board) -> None:
    done = ssh(a76, "", stdin="cd /; pwd; uname -m; exit 3\n")
    assert (done.returncode, done.stdout.split()) == (3, ["/", "aarch64"])


def test_what_is_written_on_one_board_is_nowhere_else(a72: Board, a76: Board) -> None:
    name = "farm-test-written"
    places = [f"/home/{a76.user}", "~", "/tmp", "/var/tmp", "/run", "/dev/shm"]
    touched = ssh(a76, " && ".join(f"touch {place}/{name}" for place in places))
    assert touched.returncode == 0, touched.stderr
    seen = ssh(a72, "; ".join(f"ls {place}/{name}" for place in places))
    assert seen.stdout == ""
    assert (a76.home / name).exists()
    for folder in (Path.home(), *map(Path, ("/tmp", "/var/tmp", "/run", "/dev/shm"))):
        assert not (folder / name).exists()


def test_system_is_not_writable(a76: Board) -> None:
    for target in ("/usr/farm-test", "/etc/farm-test", "/farm-test", "/opt/farm-test", "/etc/passwd"):
        assert ssh(a76, f"echo x >> {target}").returncode != 0, target


def test_file_times_and_kinds_are_the_board_s(a76: Board) -> None:
    # Older proots let statx through untranslated: coreutils would see the host's files.
    assert ssh(a76, "cd && echo 12345 > seen && stat -c '%s %F' ~/seen").stdout == "6 regular file\n"


def test_sftp_round_trip(a72: Board, a76: Board, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "there").write_bytes(content)
    for board in (a72, a76):
        with connected(board) as client, client.open_sftp() as sftp:
            sftp.put(str(tmp_path / "there"), "sent")
            sftp.rename("sent", "renamed")
            sftp.get("renamed", str(tmp_path / "back"))
            assert sftp.normalize(".") == f"/home/{board.user}"
        assert (tmp_path / "back").read_bytes() == content
        assert (board.home / "renamed").read_bytes() == content


def test_client_that_vanishes_is_an_end_of_input(a76: Board) -> None:
    program = "import sys, pathlib; sys.stdin.read(); pathlib.Path('ended').touch()"
    words = [*a76.ssh_command(), f'echo up; exec python3 -c "{program}"']
    client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == b"up\n"
    client.kill()
    client.communicate()
    wait = "for i in $(seq 100); do [ -e ended ] && echo yes && exit; sleep 0.1; done"
    assert ssh(a76, wait).stdout == "yes\n"


def test_other_keys_and_passwords_are_refused(a76: Board, tmp_path: Path) -> None:
    key = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    stranger = [str(key) if word == str(a76.identity_file) else word for word in a76.ssh_command()]
    done = subprocess.run([*stranger, "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_host_keys_differ_and_are_the_pinned_ones(fleet: RunningFleet) -> None:
    keys = {board.name: board.host_key for board in fleet.boards.values()}
    assert len(set(keys.values())) == len(keys)
    for board in fleet.boards.values():
        with socket.create_connection((board.host, board.port)) as connection, paramiko.Transport(connection) as link:
            link.start_client(timeout=30)
            key = link.get_remote_server_key()
            assert f"{key.get_name()} {key.get_base64()}" == board.host_key


def test_servers_listen_on_loopback_only(fleet: RunningFleet) -> None:
    wanted = {board.port for board in fleet.boards.values()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A" and int(port, 16) in wanted:
                found.add((address, int(port, 16)))
    assert found == {("0100007F", port) for port in wanted}


def test_forwarding_is_refused(a76: Board) -> None:
    with connected(a76) as client:
        transport = client.get_transport()
        assert transport is not None
        with pytest.raises(paramiko.ChannelException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", a76.port), ("127.0.0.1", 1))


def test_inventory_is_one_that_the_farm_reads(fleet: RunningFleet) -> None:
    devices = load_inventory(fleet.inventory).devices
    assert [device.name for device in devices] == ["cortex-a72", "cortex-a76"]
    for device in devices:
        board = fleet.boards[device.name]
        assert (device.host, device.port, device.user) == ("127.0.0.1", board.port, board.user)
        assert (device.host_key, device.identity_file) == (board.host_key, board.identity_file)
        assert (device.emulated, device.threads, device.labels) == (True, 1, {"cpu": board.cpu})
    assert yaml.safe_load(fleet.inventory.read_text())["devices"][0]["kind"] == "board"


def connected(board: Board) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(str(board.identity_file.with_name("known_hosts")))
    client.connect(
        board.host,
        board.port,
        board.user,
        key_filename=str(board.identity_file),
        look_for_keys=False,
        allow_agent=False,
    )
    return client
