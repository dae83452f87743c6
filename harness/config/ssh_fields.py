"""The inventory's values that SSH will use: hosts, jumps, identity files and pinned host keys."""

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated

from pydantic import PlainValidator, ValidationInfo

from harness.config.fields import checked_text, exists_as, located, wrong

_KEY_FIELDS = {
    "ssh-ed25519": 2,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "ssh-rsa": 3,
}
_JUMP = re.compile(r"([^\s@:,/-][^\s@:,/]*@)?[^\s@:,/-][^\s@:,/]*(:[0-9]{1,5})?")
_PORT_INSIDE = re.compile(r"[^:]+:[0-9]+")


def _host(value: object) -> str:
    text = checked_text(value)
    if "@" in text or _PORT_INSIDE.fullmatch(text):
        raise wrong("an address, a name or an alias", "write user and port as keys of their own")
    if re.search(r"[\s/,]", text) or text.startswith("-"):
        raise wrong("an address, a name or an alias from ~/.ssh/config")
    return text


def _user(value: object) -> str:
    text = checked_text(value)
    if re.search(r"[\s@:/]", text) or text.startswith("-"):
        raise wrong("a user name")
    return text


def _jump(value: object) -> str:
    text = checked_text(value)
    port = text.rpartition(":")[2] if ":" in text else "22"
    if not _JUMP.fullmatch(text) or not 1 <= int(port) <= 65535:
        raise wrong("one bastion as [user@]host[:port]")
    return text


def _identity(value: object, info: ValidationInfo) -> Path:
    path = located(value, info)
    if path.suffix == ".pub":
        raise wrong("the private key", f"{path} is its public half")
    if info.context and not exists_as(path, "file"):
        raise wrong("a file that exists", f"there is no file {path}")
    return path


def _host_key(value: object) -> str:
    expected = f"a public key as `type base64`, type one of {', '.join(_KEY_FIELDS)}"
    words = checked_text(value).split()
    if len(words) < 2 or words[0] not in _KEY_FIELDS:
        raise wrong(expected, "take the line that `ssh-keyscan` or `farm check` shows, from the type on")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error as error:
        raise wrong(expected, "its base64 is damaged: was it cut off?") from error
    fields = _fields(blob)
    if fields and fields[0] != words[0].encode():
        raise wrong(expected, f"the key inside is of another type than {words[0]}")
    if not fields or len(fields) != _KEY_FIELDS[words[0]] or not _loads(words[0], blob):
        raise wrong(expected, "its content is damaged: was it cut off?")
    return f"{words[0]} {words[1]}"


def _fields(blob: bytes) -> list[bytes] | None:
    """Return the length-prefixed fields of an SSH key, or None where the lengths do not add up (RFC 4251)."""
    found = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            return None
        found.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return found


def _loads(kind: str, blob: bytes) -> bool:
    import paramiko  # takes a tenth of a second, and most inventories pin no key

    try:
        paramiko.PKey.from_type_string(kind, blob)
    except (paramiko.SSHException, ValueError):
        return False
    return True


Host = Annotated[str, PlainValidator(_host)]
User = Annotated[str, PlainValidator(_user)]
Jump = Annotated[str, PlainValidator(_jump)]
IdentityFile = Annotated[Path, PlainValidator(_identity)]
HostKey = Annotated[str, PlainValidator(_host_key)]
