"""Whom we talk to: pinned host keys or known_hosts, and nothing else is accepted."""

import fnmatch
from collections.abc import Collection, Iterable, Iterator, Sequence
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

    A key that any of the files marks `@revoked` for `name` is not accepted, pinned or not.

    Raises:
        FarmError: bad-inventory, the pinned key or a file cannot be read; host-key-changed, the pinned key is
            revoked.
    """
    there = [file.expanduser() for file in files if file.expanduser().is_file()]
    found = [entry for file in there for entry in _entries(file, name)]
    revoked = {key.asbytes() for marker, key in found if marker == "@revoked"}
    client.set_missing_host_key_policy(RefuseUnknown(revoked))
    if pinned is None:
        for marker, key in found:
            if not marker and key.asbytes() not in revoked:
                client.get_host_keys().add(name, key.get_name(), key)
        return
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {pinned}")
    except _UNREADABLE:
        entry = None
    if entry is None or entry.key is None:
        raise FarmError(Code.BAD_INVENTORY, f"host_key of {name} is not a public key: {pinned[:40]}")
    if entry.key.asbytes() in revoked:
        raise refused_for_good(name, entry.key)
    client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _entries(file: Path, name: str) -> Iterator[tuple[str, paramiko.PKey]]:
    """Yield (marker, key) of the lines of a known_hosts file that are about a host; see sshd(8).

    paramiko would read such a file as well, but knows neither markers nor patterns.
    """
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            marker = words.pop(0) if words[0].startswith("@") else ""
            entry = paramiko.hostkeys.HostKeyEntry.from_line(" ".join(words))
            if entry is not None and entry.key is not None and _is_for(entry.hostnames or [], name):
                yield marker, entry.key
    except _UNREADABLE as error:
        raise FarmError(
            Code.BAD_INVENTORY, f"{file} cannot be read: {error}.", "Correct or remove the line of that file."
        ) from error


def _is_for(patterns: Iterable[str], name: str) -> bool:
    """Tell whether a line of known_hosts is about a host: its name, hashed or not, or a pattern with * and ?.

    As in OpenSSH names are the same in capitals, and hashed in small letters.
    """
    name = name.lower()
    matched = False
    for pattern in patterns:
        hashed = pattern.startswith("|1|") and paramiko.HostKeys.hash_host(name, pattern) == pattern
        # In fnmatch brackets have a meaning that they do not have here, where they stand around names with ports.
        if hashed or fnmatch.fnmatchcase(name, pattern.lower().lstrip("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses an unknown key and shows the lines that would make it known; a revoked one for good."""

    def __init__(self, revoked: Collection[bytes] = ()) -> None:
        self._revoked = revoked

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Raise FarmError: host-key-unknown, or host-key-changed for a key that is revoked."""
        if key.asbytes() in self._revoked:
            raise refused_for_good(hostname, key)
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


def refused_for_good(hostname: str, key: paramiko.PKey) -> FarmError:
    """Return the error for a key that known_hosts marks `@revoked`."""
    return FarmError(
        Code.HOST_KEY_CHANGED,
        f"{hostname} shows the key {text_fingerprint(key)}, which known_hosts marks @revoked.",
        "Somebody may be using a stolen key. Give the board a new host key, then make that one known.",
    )


def text_fingerprint(key: paramiko.PKey) -> str:
    """Return the key's type and its SHA256 fingerprint as OpenSSH prints them."""
    return f"{key.get_name()} {key.fingerprint}"
