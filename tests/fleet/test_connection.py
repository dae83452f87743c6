"""Connections to a real SSH server on loopback: who gets in, who does not, and how that is told."""

import socket
import time
from pathlib import Path
from unittest.mock import Mock

import paramiko
import pytest

from harness.config.inventory import Device
from harness.errors import Code, FarmError, TransportError
from harness.fleet.connection import _forward, connect
from harness.fleet.deadline import Deadline
from harness.fleet.ssh_config import Address
from tests.fleet.ssh_server import HOST_KEY, STRANGER, USER, Server, as_line, board, key_file, serving


@pytest.fixture(autouse=True)
def a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the keys, agent, configuration or known hosts of who runs it."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


def failure(device: Device, seconds: float = 10.0) -> FarmError:
    with pytest.raises(FarmError) as caught:
        connect(device, deadline=Deadline.after(seconds))
    return caught.value


def gets_in(device: Device) -> bool:
    """Return whether a session can be opened."""
    connection = connect(device, deadline=Deadline.after(10))
    try:
        return connection.transport.is_authenticated() and connection.transport.open_session().get_id() == 0
    finally:
        connection.close()


def test_the_right_keys_get_in(tmp_path: Path) -> None:
    with serving() as server:
        assert gets_in(board(server, tmp_path))


def test_small_writes_are_not_held_back(tmp_path: Path) -> None:
    with serving() as server:
        connection = connect(board(server, tmp_path), deadline=Deadline.after(10))
        sock = connection.transport.sock
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        connection.close()


def test_a_closed_connection_has_no_transport(tmp_path: Path) -> None:
    with serving() as server:
        connection = connect(board(server, tmp_path), deadline=Deadline.after(10))
        connection.close()
        with pytest.raises(TransportError) as caught:
            _ = connection.transport
        assert caught.value.problem.code is Code.CONNECTION_LOST


def known(path: Path, server: Server, key: paramiko.PKey) -> Path:
    path.write_text(f"[127.0.0.1]:{server.port} {as_line(key)}\n")
    return path


def test_known_hosts_named_or_usual(tmp_path: Path, a_home_of_its_own: Path) -> None:
    with serving() as server:
        named = known(tmp_path / "named", server, HOST_KEY)
        assert gets_in(board(server, tmp_path, host_key=None, known_hosts=named))
        known(a_home_of_its_own / ".ssh" / "known_hosts", server, HOST_KEY)
        assert gets_in(board(server, tmp_path, host_key=None))


def test_a_key_for_another_port_does_not_count(tmp_path: Path) -> None:
    with serving() as server:
        file = tmp_path / "known"
        file.write_text(f"127.0.0.1 {as_line(HOST_KEY)}\n[127.0.0.1]:1 {as_line(HOST_KEY)}\n")
        assert failure(board(server, tmp_path, host_key=None, known_hosts=file)).problem.code is Code.HOST_KEY_UNKNOWN


def test_an_unknown_host_is_refused_before_our_key_is_shown(tmp_path: Path) -> None:
    with serving() as server:
        ended = failure(board(server, tmp_path, host_key=None))
        assert ended.problem.code is Code.HOST_KEY_UNKNOWN
        assert not isinstance(ended, TransportError)  # it would not pass by trying again
        assert f"`host_key: {as_line(HOST_KEY)}`" in ended.problem.what_to_do
        assert f"`[127.0.0.1]:{server.port} {as_line(HOST_KEY)}`" in ended.problem.what_to_do
        assert not server.transports[0].is_authenticated()


@pytest.mark.parametrize("pinned", [True, False])
def test_another_host_key_is_refused(tmp_path: Path, pinned: bool) -> None:
    with serving() as server:
        trust = (
            {"host_key": as_line(STRANGER)}
            if pinned
            else {"host_key": None, "known_hosts": known(tmp_path / "known", server, STRANGER)}
        )
        ended = failure(board(server, tmp_path, **trust))
        assert ended.problem.code is Code.HOST_KEY_CHANGED
        assert not isinstance(ended, TransportError)
        assert HOST_KEY.fingerprint in ended.problem.message
        assert STRANGER.fingerprint in ended.problem.message
        assert as_line(HOST_KEY) in ended.problem.what_to_do


def test_a_pinned_key_wins_over_known_hosts(tmp_path: Path) -> None:
    with serving() as server:
        file = known(tmp_path / "known", server, HOST_KEY)
        device = board(server, tmp_path, host_key=as_line(STRANGER), known_hosts=file)
        assert failure(device).problem.code is Code.HOST_KEY_CHANGED


def refused_keys(device: Device, *words: str) -> None:
    problem = failure(device).problem
    assert problem.code is Code.AUTHENTICATION_FAILED
    for word in words:
        assert word in problem.message


def test_a_wrong_user_or_key_is_refused_and_named(tmp_path: Path) -> None:
    with serving() as server:
        refused_keys(board(server, tmp_path, user="root"), "root@127.0.0.1", str(key_file(tmp_path)))
        other = key_file(tmp_path, STRANGER)
        refused_keys(board(server, tmp_path, identity_file=other), f"{USER}@127.0.0.1", str(other))


def test_no_key_at_all(tmp_path: Path) -> None:
    with serving() as server:
        refused_keys(board(server, tmp_path, identity_file=None), "usual keys")


def test_a_key_file_that_is_none_or_needs_a_passphrase(tmp_path: Path) -> None:
    with serving() as server:
        locked = tmp_path / "locked"
        STRANGER.write_private_key_file(str(locked), password="secret")
        refused_keys(board(server, tmp_path, identity_file=locked), "locked")
        rubbish = tmp_path / "rubbish"
        rubbish.write_bytes(b"\x00not a key")
        refused_keys(board(server, tmp_path, identity_file=rubbish), "rubbish")


def unreachable(device: Device, seconds: float = 10.0) -> None:
    began = time.monotonic()
    ended = failure(device, seconds)
    assert ended.problem.code is Code.DEVICE_UNREACHABLE, ended.problem
    assert isinstance(ended, TransportError)
    assert time.monotonic() - began < seconds + 2


def test_nobody_listens(tmp_path: Path) -> None:
    with serving() as server:
        device = board(server, tmp_path)
    unreachable(device)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_name_that_leads_nowhere(tmp_path: Path, host: str) -> None:
    with serving() as server:
        unreachable(board(server, tmp_path, host=host))


def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with serving(instead=b"") as server:
        unreachable(board(server, tmp_path), seconds=0.5)


def test_a_deadline_that_is_over_is_not_waited_for(tmp_path: Path) -> None:
    with serving(instead=b"") as server:
        unreachable(board(server, tmp_path), seconds=0.0)


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"SSH-1.5-old\r\n"], ids=["http", "zeros", "old"]
)
def test_something_that_is_no_ssh_server(tmp_path: Path, greeting: bytes) -> None:
    with serving(instead=greeting) as server:
        unreachable(board(server, tmp_path), seconds=0.5)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    with serving() as server:
        device = board(server, tmp_path)
        assert device.identity_file is not None
        device.identity_file.chmod(mode)
        problem = failure(device).problem
    assert problem.code is Code.AUTHENTICATION_FAILED
    assert f"mode {mode:04o}" in problem.message
    assert problem.what_to_do == f"chmod 600 {device.identity_file}"
    assert server.accepted == [], "before anything is sent"


def test_a_key_for_the_bastion_that_others_may_read_is_not_used(
    tmp_path: Path, a_home_of_its_own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "bastion_key"
    key.write_text("a key")
    key.chmod(0o644)
    config = a_home_of_its_own / ".ssh" / "config"
    with serving() as server:
        config.write_text(f"Host bastion\n  HostName 127.0.0.1\n  Port {server.port}\n  IdentityFile {key}\n")
        monkeypatch.setattr("harness.fleet.ssh_config.USER_CONFIG", config)
        problem = failure(board(server, tmp_path).model_copy(update={"proxy_jump": "bastion"})).problem
    assert problem.code is Code.AUTHENTICATION_FAILED
    assert problem.what_to_do == f"chmod 600 {key}"
    assert server.accepted == []


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), EOFError(), paramiko.SSHException("closed")])
def test_a_bastion_that_goes_while_it_is_asked_may_come_back(error: Exception) -> None:
    transport = Mock(open_channel=Mock(side_effect=error))
    bastion = Mock(get_transport=Mock(return_value=transport))
    with pytest.raises(TransportError) as caught:
        _forward(bastion, Address("pi5.lab", 22, "pi"), Deadline.after(1))
    assert caught.value.problem.code is Code.DEVICE_UNREACHABLE
