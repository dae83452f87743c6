"""An SSH server within the test's process, on loopback, and keys for both ends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from harness.config.inventory import Deadlines, Device

HOST_KEY = paramiko.ECDSAKey.generate()
STRANGER = paramiko.ECDSAKey.generate()
USER_KEY = paramiko.ECDSAKey.generate()
USER = "pi"


class _Rules(paramiko.ServerInterface):
    """One user, one key."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == USER and key.asbytes() == USER_KEY.asbytes()
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return OPEN_SUCCEEDED


@dataclass
class Server:
    """A listening server; one with something to say `instead` speaks no SSH."""

    instead: bytes | None = None
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    accepted: list[socket.socket] = field(default_factory=list)
    transports: list[paramiko.Transport] = field(default_factory=list)
    rules: _Rules = field(default_factory=_Rules)

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.accepted.append(sock)
                if self.instead is None:
                    self._greet(sock)
                else:
                    sock.sendall(self.instead)

    def _greet(self, sock: socket.socket) -> None:
        transport = paramiko.Transport(sock)
        transport.add_server_key(HOST_KEY)
        self.transports.append(transport)
        with suppress(paramiko.SSHException, EOFError):
            transport.start_server(event=threading.Event(), server=self.rules)

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        for transport in self.transports:
            transport.close()
        for sock in (*self.accepted, self.listener):
            sock.close()


@contextmanager
def serving(instead: bytes | None = None) -> Iterator[Server]:
    """Give a server that listens until the end of the block."""
    server = Server(instead)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.close()


def as_line(key: paramiko.PKey) -> str:
    """Return a public key as an inventory has it."""
    return f"{key.get_name()} {key.get_base64()}"


def key_file(folder: Path, key: paramiko.PKey = USER_KEY) -> Path:
    """Write a private key and return its path."""
    path = folder / f"id-{key.fingerprint[7:12].replace('/', '_')}"
    key.write_private_key_file(str(path))
    return path


def board(server: Server, folder: Path, **changes: object) -> Device:
    """Return a device that names the server's host key and the user's key; `changes` are other values."""
    stated: dict[str, object] = {
        "name": "board",
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "identity_file": key_file(folder),
        "host_key": as_line(HOST_KEY),
        "deadlines": Deadlines(connect_s=10.0),
    }
    kept = {name: value for name, value in (stated | changes).items() if value is not None}
    return Device.model_validate(kept)
