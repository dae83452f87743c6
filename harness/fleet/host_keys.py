"""Whom we talk to: pinned host keys or known_hosts, and nothing else is accepted."""

from collections.abc import Sequence
from pathlib import Path

import paramiko

from harness.errors import Code, FarmError

USUAL_KNOWN_HOSTS = (Path("~/.ssh/known_hosts"), Path("/etc/ssh/ssh_known_hosts"))

_UNREADABLE = (paramiko.hostkeys.InvalidHostKey, paramiko.SSHException, OSError, ValueError)


def known_hosts_name(host: str, port: int) -> str:
    """Return the name under which OpenSSH files a host's key."""
    return host if port == 22 else f"[{host}]:{port}"


def trust(client: paramiko.SSHClient, *, name: str, pinned: str | None, files: Sequence[Path]) -> None:
    """Tell `client` which keys to accept for `name`: the pinned one alone, or those in `files`.

    Raises:
        FarmError: bad-inventory, the pinned key or a file cannot be read.
    """
    if pinned is None:
        for file in files:
            if file.expanduser().is_file():
                _load(client, file.expanduser())
        return
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {pinned}")
    except _UNREADABLE:
        entry = None
    if entry is None or entry.key is None:
        raise FarmError(Code.BAD_INVENTORY, f"host_key of {name} is not a public key: {pinned[:40]}")
    client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _load(client: paramiko.SSHClient, file: Path) -> None:
    try:
        client.load_system_host_keys(str(file))
    except _UNREADABLE as error:
        raise FarmError(
            Code.BAD_INVENTORY, f"{file} cannot be read: {error}.", "Correct or remove the line of that file."
        ) from error


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses an unknown key and shows the lines that would make it known."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Raise FarmError(host-key-unknown)."""
        text = f"{key.get_name()} {key.get_base64()}"
        raise FarmError(
            Code.HOST_KEY_UNKNOWN,
            f"{hostname} shows the key {text_fingerprint(key)}, which is not known.",
            f"Compare it with the board's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there). If it is the "
            f"same, add to the device in the inventory `host_key: {text}`, or to known_hosts `{hostname} {text}`.",
        )


def changed(hostname: str, got: paramiko.PKey, expected: paramiko.PKey) -> FarmError:
    """Return the error for a key that is not the one known."""
    text = f"{got.get_name()} {got.get_base64()}"
    return FarmError(
        Code.HOST_KEY_CHANGED,
        f"{hostname} shows the key {text_fingerprint(got)} instead of {text_fingerprint(expected)}.",
        f"Somebody may be in between. If the board was reinstalled, check its key there, then replace the old "
        f"one: `host_key: {text}` in the inventory, or `{hostname} {text}` in known_hosts.",
    )


def text_fingerprint(key: paramiko.PKey) -> str:
    """Return the key's type and its SHA256 fingerprint as OpenSSH prints them."""
    return f"{key.get_name()} {key.fingerprint}"
