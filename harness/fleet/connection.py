"""One authenticated SSH connection to a device, with the house's rules: strict host keys, keys only."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from harness.config.device import current_user
from harness.config.inventory import Device
from harness.errors import Code, FarmError, TransportError
from harness.fleet import host_keys, ssh_config
from harness.fleet.deadline import Deadline

KEEPALIVE_S = 5
SEND_BUFFER = 1 << 18


@dataclass(slots=True)
class Connection:
    """A device's SSH client and, behind a bastion, the clients that it goes through."""

    client: paramiko.SSHClient
    through: list[paramiko.SSHClient] = field(default_factory=list)

    @property
    def transport(self) -> paramiko.Transport:
        """The live transport.

        Raises:
            TransportError: the connection is closed.
        """
        transport = self.client.get_transport()
        if transport is None or not transport.is_active():
            raise TransportError(Code.CONNECTION_LOST, "The SSH connection is closed.")
        return transport

    def abort(self) -> None:
        """End it at once, the outermost way first: a network that is frozen would hold back any farewell."""
        for client in (*self.through, self.client):
            transport = client.get_transport()
            if transport is not None:
                transport.close()

    def close(self) -> None:
        """Close the connection, then what it went through."""
        for client in (self.client, *reversed(self.through)):
            client.close()


def connect(device: Device, *, deadline: Deadline) -> Connection:
    """Connect and authenticate within `deadline`.

    Raises:
        TransportError: device-unreachable; may pass.
        FarmError: host-key-unknown, host-key-changed, authentication-failed, bad-inventory.
    """
    address = ssh_config.resolve(
        device.host, port=device.stated_port, user=device.stated_user, default_user=device.user
    )
    identities = (device.identity_file,) if device.identity_file else address.identity_files
    _refuse_open_keys(identities)
    through: list[paramiko.SSHClient] = []
    try:
        for hop in ssh_config.hops(device.proxy_jump or address.proxy_jump, default_user=current_user()):
            keys = hop.identity_files or identities
            _refuse_open_keys(keys)
            sock = _reach(hop, through, deadline)
            through.append(_client(sock, hop, keys, pinned=None, known_hosts=device.known_hosts, deadline=deadline))
        sock = _reach(address, through, deadline)
        client = _client(
            sock, address, identities, pinned=device.host_key, known_hosts=device.known_hosts, deadline=deadline
        )
    except BaseException:
        for opened in reversed(through):
            opened.close()
        raise
    return Connection(client, through)


def _refuse_open_keys(identities: Sequence[Path]) -> None:
    """Refuse keys that others on this machine may read, as OpenSSH does."""
    for path in identities:
        if path.is_file() and (found := path.stat()).st_uid == os.geteuid() and found.st_mode & 0o077:
            raise FarmError(
                Code.AUTHENTICATION_FAILED,
                f"The private key {path} may be read by others (mode {found.st_mode & 0o777:04o}).",
                f"chmod 600 {path}",
            )


def _reach(
    address: ssh_config.Address, through: Sequence[paramiko.SSHClient], deadline: Deadline
) -> "socket.socket | paramiko.Channel":
    return _forward(through[-1], address, deadline) if through else _dial(address, deadline)


def _dial(address: ssh_config.Address, deadline: Deadline) -> socket.socket:
    try:
        sock = socket.create_connection((address.host, address.port), timeout=max(deadline.left, 0.001))
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that the domain name system cannot hold
        raise TransportError(
            Code.DEVICE_UNREACHABLE, f"{address.host} port {address.port} does not answer: {error}."
        ) from error
    # Without TCP_NODELAY writes of 32 kB wait for acknowledgements (0.9 instead of 74 MB/s).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # What waits in the kernel looks like progress. On a link of 1 Mbit/s so much takes 4 seconds, no minutes.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return sock


def _forward(bastion: paramiko.SSHClient, address: ssh_config.Address, deadline: Deadline) -> paramiko.Channel:
    transport = bastion.get_transport()
    if transport is None:
        raise TransportError(Code.DEVICE_UNREACHABLE, "The bastion closed the connection.")
    try:
        return transport.open_channel(
            "direct-tcpip", (address.host, address.port), ("127.0.0.1", 0), timeout=max(deadline.left, 0.001)
        )
    except (paramiko.SSHException, EOFError, OSError) as error:  # OSError: what ended the bastion's transport
        raise TransportError(
            Code.DEVICE_UNREACHABLE, f"The bastion cannot reach {address.host} port {address.port}: {error}."
        ) from error


def _client(
    sock: "socket.socket | paramiko.Channel",
    address: ssh_config.Address,
    identities: Sequence[Path],
    *,
    pinned: str | None,
    known_hosts: Path | None,
    deadline: Deadline,
) -> paramiko.SSHClient:
    name = host_keys.known_hosts_name(address.host, address.port)
    # Without a policy paramiko refuses unknown keys too; `trust` sets one that says what to do.
    files = (known_hosts,) if known_hosts else host_keys.USUAL_KNOWN_HOSTS
    client = paramiko.SSHClient()
    try:
        host_keys.trust(client, name=name, pinned=pinned, files=files)
        _handshake(client, sock, address, identities, deadline)
    except BaseException:
        client.close()
        sock.close()
        raise
    return client


def _handshake(
    client: paramiko.SSHClient,
    sock: "socket.socket | paramiko.Channel",
    address: ssh_config.Address,
    identities: Sequence[Path],
    deadline: Deadline,
) -> None:
    left = max(deadline.left, 0.001)
    try:
        client.connect(
            address.host,
            port=address.port,
            username=address.user,
            # paramiko takes a list here; its stubs know of one name only.
            key_filename=[str(path) for path in identities if path.is_file()] or None,  # type: ignore[arg-type]
            look_for_keys=not identities,
            timeout=left,
            banner_timeout=left,
            auth_timeout=left,
            channel_timeout=left,
            sock=sock,
        )
    except paramiko.BadHostKeyException as error:
        raise host_keys.changed(
            host_keys.known_hosts_name(address.host, address.port), error.key, error.expected_key
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        if _at_the_keys(client, error) and not deadline.expired:
            raise _refused(address, identities, error) from error
        raise TransportError(
            Code.DEVICE_UNREACHABLE,
            f"{address.host} port {address.port} accepts connections but no SSH session came up: "
            f"{error or type(error).__name__}.",
        ) from error
    transport = client.get_transport()
    if transport is not None:
        transport.set_keepalive(KEEPALIVE_S)


def _at_the_keys(client: paramiko.SSHClient, error: Exception) -> bool:
    # paramiko raises what the last of its attempts ended in: reading an ECDSA file as an Ed25519 key, say.
    transport = client.get_transport()
    up = transport is not None and transport.is_active() and transport.initial_kex_done
    return isinstance(error, paramiko.AuthenticationException) or (up and isinstance(error, paramiko.SSHException))


def _refused(address: ssh_config.Address, identities: Sequence[Path], error: Exception) -> FarmError:
    tried = ", ".join(str(path) for path in identities) or "the agent's and the usual keys"
    return FarmError(
        Code.AUTHENTICATION_FAILED, f"{address.user}@{address.host} accepts none of our keys ({tried}): {error}."
    )
