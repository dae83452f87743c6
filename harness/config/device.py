"""One device of the inventory."""

import getpass
import os
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, PlainValidator

from harness.config.fields import AnyPath, Flag, Name, Text, checked_text, one_of, real, whole, wrong
from harness.config.health import HealthPlan
from harness.config.sections import Section, Slip
from harness.config.ssh_fields import Host, HostKey, IdentityFile, Jump, User

DEFAULT_SITE = "local"
DEFAULT_THREADS = 4
DEFAULT_LEASE = "~/.cache/farm/lease"

_MOST_CPUS = 1024
_MOST_THREADS = 512


def _device_path(value: object) -> str:
    text = checked_text(value)
    folder = text.rstrip("/")
    if not text.startswith(("/", "~/")) or folder in ("", "~") or ".." in folder.split("/"):
        raise wrong("a path on the device that starts with / or ~/, without ..", "name a folder of its own")
    return text


def _label_key(value: object) -> str:
    text = checked_text(value)
    if "=" in text or text != text.strip():
        raise wrong("a label without = and without blanks around it")
    return text


def _label_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return checked_text(str(value) if isinstance(value, int | float) else value)


def _cpus(value: object) -> tuple[int, ...]:
    numbers = tuple(value) if isinstance(value, list | tuple) else ()
    good = [type(number) is int and 0 <= number < _MOST_CPUS for number in numbers]
    if not numbers or not all(good):
        raise wrong(f"a list of core numbers 0..{_MOST_CPUS - 1}")
    if len(set(numbers)) < len(numbers):
        raise wrong("each core once")
    return numbers


def current_user() -> str:
    """Return the name of the user who runs the farm; the number where the name is not known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return str(os.getuid())


DevicePath = Annotated[str, PlainValidator(_device_path)]


class Deadlines(Section):
    """How long is waited, seconds."""

    connect_s: Annotated[float, real(0, 3600)] = 15.0
    cell_s: Annotated[float, real(0, 7 * 86400)] = 600.0


class Device(Section):
    """A board or phone and how it is reached.

    Attributes:
        name: unique in the inventory.
        host: an address, a name, or an alias from ~/.ssh/config, which is resolved when connecting.
        identity_file: private key; None leaves it to the SSH agent and ~/.ssh/config.
        host_key: the pinned key as `type base64`; None leaves it to known_hosts.
        proxy_jump: a bastion as [user@]host[:port].
        site: the gateway that serves the device.
        launcher: words put before the Python command on the device.
        cpus: cores to run on; None for any.
        workdir: folder on the device; nothing outside it is touched.
        lease: lock file on the device, shared where a board is used under several accounts.
        health: what its state must be for a cell to begin, and for times to count as steady.
        emulated: timings are not the hardware's.
    """

    name: Name
    kind: Annotated[str, one_of(("board", "phone"))] = "board"
    host: Host
    port: Annotated[int, whole(1, 65535)] = 22
    user: User = Field(default_factory=current_user)
    identity_file: IdentityFile | None = None
    host_key: HostKey | None = None
    known_hosts: AnyPath | None = None
    proxy_jump: Jump | None = None
    site: Name = DEFAULT_SITE
    launcher: tuple[Text, ...] = ()
    python: Text = "python3"
    threads: Annotated[int, whole(1, _MOST_THREADS)] = DEFAULT_THREADS
    cpus: Annotated[tuple[int, ...], PlainValidator(_cpus)] | None = None
    workdir: DevicePath = "~/.cache/farm"
    lease: DevicePath | None = None
    deadlines: Deadlines = Deadlines()
    health: HealthPlan = HealthPlan()
    emulated: Flag = False
    labels: dict[Annotated[str, PlainValidator(_label_key)], Annotated[str, PlainValidator(_label_value)]] = {}

    @property
    def stated_port(self) -> int | None:
        """The port if the inventory states one; None leaves it to ~/.ssh/config."""
        return self.port if "port" in self.model_fields_set else None

    @property
    def stated_user(self) -> str | None:
        """The user if the inventory states one; None leaves it to ~/.ssh/config."""
        return self.user if "user" in self.model_fields_set else None

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield more threads than cores to run them on."""
        threads, cpus = raw.get("threads"), raw.get("cpus")
        if type(threads) is int and isinstance(cpus, list) and 0 < len(cpus) < threads:
            yield Slip(("cpus", "threads"), f"{threads} threads on {len(cpus)} cores", "at most one thread a core")
