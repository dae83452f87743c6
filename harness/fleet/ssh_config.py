"""What the user's ssh client would make of a host: aliases, ports, users and jumps from ~/.ssh/config."""

from dataclasses import dataclass
from pathlib import Path

import paramiko

from harness.errors import Code, FarmError

USER_CONFIG = Path("~/.ssh/config")
MAX_HOPS = 8


@dataclass(frozen=True, slots=True)
class Address:
    """Where a host really is."""

    host: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    proxy_jump: str | None = None


def resolve(
    alias: str, *, port: int | None, user: str | None, default_user: str, config: Path = USER_CONFIG
) -> Address:
    """Return the address behind `alias`; what the inventory says wins over the config file.

    Raises:
        FarmError: the config file cannot be parsed, or its port is no number.
    """
    found = _lookup(alias, config.expanduser())
    jump = found.get("proxyjump")
    named: str | list[str] = found.get("identityfile", [])
    identities = [named] if isinstance(named, str) else named
    return Address(
        host=str(found.get("hostname", alias)),
        port=port or _port(str(found.get("port", 22)), f"{config}, host {alias}"),
        user=user or str(found.get("user", default_user)),
        identity_files=tuple(Path(name).expanduser() for name in identities),
        proxy_jump=None if jump in (None, "none") else str(jump),
    )


def hops(jump: str | None, *, default_user: str, config: Path = USER_CONFIG) -> tuple[Address, ...]:
    """Return the bastions of a jump (`a,b`: first a, then b), each behind those that the config file puts before it.

    Raises:
        FarmError: what `resolve` and `split_jump` raise; bad-inventory, a chain of more than `MAX_HOPS`.
    """
    found: list[Address] = []
    waiting = jump.split(",") if jump else []
    while waiting:
        host, port, user = split_jump(waiting.pop().strip())
        address = resolve(host, port=port, user=user, default_user=default_user, config=config)
        found.insert(0, address)
        if len(found) > MAX_HOPS:
            raise FarmError(Code.BAD_INVENTORY, f"The jump {jump} leads through more than {MAX_HOPS} hosts.")
        if not waiting and address.proxy_jump:
            waiting = address.proxy_jump.split(",")
    return tuple(found)


def split_jump(jump: str) -> tuple[str, int | None, str | None]:
    """Return host, port and user of `[user@]host[:port]`.

    Raises:
        FarmError: the port is no number.
    """
    user, _, rest = jump.rpartition("@")
    if rest.startswith("["):  # an IPv6 address, which has colons of its own
        host, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = rest.partition(":")
    return host, _port(port, f"the jump {jump}") if port else None, user or None


def _lookup(alias: str, config: Path) -> paramiko.SSHConfigDict:
    if not config.is_file():
        return paramiko.SSHConfigDict()
    try:
        return paramiko.SSHConfig.from_path(str(config)).lookup(alias)
    except (paramiko.ConfigParseError, OSError, UnicodeDecodeError) as error:
        raise FarmError(Code.BAD_INVENTORY, f"{config} cannot be read: {error}") from error


def _port(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise FarmError(Code.BAD_INVENTORY, f"{text!r} is no port number ({where}).") from error
