"""From an SSH connection to a running agent: the bootstrap's questions and answers."""

import contextlib
import errno

import paramiko

from harness.agent import PREAMBLE
from harness.config.inventory import Device
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.fleet.bootstrap import MARK, AgentArchive, command
from harness.fleet.deadline import Deadline
from harness.fleet.link import BROKEN, READ, Wire

MAX_NOISE = 1 << 18
STATUS_S = 5.0
"""How long after the end of the output the exit status and the last words on stderr may come."""

_COMMAND_NOT_FOUND = (126, 127)


class EndedError(Exception):
    """The channel ended before what was waited for; `seen` is what came, with a word that the bootstrap said last."""

    def __init__(self, seen: bytes) -> None:
        super().__init__(seen)
        self.seen = seen


def start_agent(
    transport: paramiko.Transport, device: Device, archive: AgentArchive, *, deadline: Deadline
) -> tuple[paramiko.Channel, bytes, int]:
    """Start the agent on the device.

    Returns:
        The channel it speaks on, the bytes that came behind its preamble, and how many bytes were sent.

    Raises:
        TransportError: connection-lost.
        DeviceError: python-missing, python-too-old, launcher-failed, workdir-unusable, disk-full,
            store-corrupt, protocol.
    """
    try:
        channel = transport.open_session(timeout=max(deadline.left, 0.001))
        channel.settimeout(max(deadline.left, 0.001))
        channel.exec_command(command(archive, launcher=device.launcher, python=device.python, workdir=device.workdir))
    except BROKEN as error:
        raise TransportError(Code.CONNECTION_LOST, f"No session on the device: {error}.") from error
    try:
        rest, sent = _converse(channel, archive, deadline)
    except EndedError as ended:
        raise _ended(channel, device, ended.seen) from None
    except BROKEN as error:
        raise TransportError(Code.CONNECTION_LOST, f"The session broke before the agent started: {error}.") from error
    channel.settimeout(None)
    return channel, rest, sent


def _converse(channel: paramiko.Channel, archive: AgentArchive, deadline: Deadline) -> tuple[bytes, int]:
    word, rest = _word(channel, b"", deadline)
    sent = 0
    if word == "need":
        channel.sendall(archive.data)
        sent = len(archive.data)
    elif word != "have":
        raise _refused(word)
    noise, rest = read_until(channel, PREAMBLE, rest, deadline=deadline)
    if MARK in noise:
        raise _refused(noise.partition(MARK)[2].split(b"\n")[0].decode("utf-8", "replace"))
    return rest, sent


def _word(channel: Wire, rest: bytes, deadline: Deadline) -> tuple[str, bytes]:
    _, rest = read_until(channel, MARK, rest, deadline=deadline)
    word, rest = read_until(channel, b"\n", rest, deadline=deadline)
    return word.decode("utf-8", "replace").strip(), rest


def read_until(wire: Wire, mark: bytes, seen: bytes = b"", *, deadline: Deadline) -> tuple[bytes, bytes]:
    """Read until `mark`; return what stood before it and what came behind it.

    The wire has a time-out of its own, for a device that says nothing; the deadline is for one that never ends.

    Raises:
        EndedError: the channel ended first.
        DeviceError: protocol, more than `MAX_NOISE` bytes without the mark.
        TransportError: connection-lost, no byte in time, or no end.
    """
    while (found := seen.find(mark)) < 0:
        if len(seen) > MAX_NOISE:
            raise DeviceError(Code.PROTOCOL, "The login shell prints without end before the agent starts.")
        try:
            part = wire.recv(READ)
        except TimeoutError:
            raise _too_late() from None
        if not part:
            raise EndedError(seen)
        if deadline.expired:
            raise _too_late()
        seen += part
    return seen[:found], seen[found + len(mark) :]


def _too_late() -> TransportError:
    return TransportError(Code.CONNECTION_LOST, "The device took the command but did not answer in time.")


def _refused(word: str) -> FarmError:
    kind, _, detail = word.partition(" ")
    if kind == "old":
        return DeviceError(Code.PYTHON_TOO_OLD, f"The device's Python is {detail}; 3.8 or newer is needed.")
    if kind == "corrupt":
        return DeviceError(Code.STORE_CORRUPT, "The agent's bytes changed on their way to the device.")
    if kind == "unsafe":
        return DeviceError(
            Code.WORKDIR_UNUSABLE,
            f"{detail[:200]} belongs to somebody else, or others may write to it: they could change what runs there.",
            "Name a `workdir:` of the user's own, or take the right from others (chmod go-w).",
        )
    if kind == "oserror":
        number, _, text = detail.partition(" ")
        full = number in (str(errno.ENOSPC), str(errno.EDQUOT))
        return DeviceError(Code.DISK_FULL if full else Code.WORKDIR_UNUSABLE, f"The workdir: {text}.")
    return DeviceError(Code.PROTOCOL, f"The bootstrap answered {word[:200]!r}.")


def _ended(channel: paramiko.Channel, device: Device, seen: bytes) -> FarmError:
    if MARK in seen:
        return _refused(seen.partition(MARK)[2].strip().decode("utf-8", "replace"))
    status = channel.recv_exit_status() if channel.status_event.wait(STATUS_S) else -1
    said = " ".join((seen + _complaint(channel)).decode("utf-8", "replace").split())[-300:]
    if status == -1:
        return TransportError(Code.CONNECTION_LOST, f"The session ended before the agent started. {said}")
    if status in _COMMAND_NOT_FOUND and not device.launcher:
        return DeviceError(Code.PYTHON_MISSING, f"`{device.python}` was not found on the device: {said}")
    if device.launcher:
        return DeviceError(Code.LAUNCHER_FAILED, f"`{' '.join(device.launcher)}` ended with status {status}: {said}")
    return DeviceError(Code.AGENT_DIED, f"The agent ended at its start with status {status}: {said}")


def _complaint(channel: paramiko.Channel) -> bytes:
    channel.settimeout(STATUS_S)
    with contextlib.suppress(OSError):
        return channel.recv_stderr(READ)
    return b""
