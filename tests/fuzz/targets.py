"""What is fuzzed: good inputs to begin with, and the reader that must stand whatever becomes of them."""

import contextlib
import hashlib
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.agent.frames import Decoder, FrameError, encode, read
from harness.captured import Capture
from harness.config.experiment import read_experiment
from harness.config.inventory import read_inventory
from harness.config.yaml_lines import parse
from harness.dispatch.arrays import ArrayStore, npy_bytes
from harness.dispatch.events import JOURNAL_LINE
from harness.dispatch.journal import NAME, read_journal
from harness.errors import Code, DeviceError, FarmError, InputError
from harness.evidence import Health, Probe, RawTiming
from harness.fleet.bootstrap import MARK
from harness.fleet.captures import captured
from harness.fleet.deadline import Deadline
from harness.fleet.figures import value
from harness.fleet.link import storable
from harness.fleet.start_agent import EndedError, read_until
from tests.fuzz import examples, runs

PLACE = Path("fuzz.yaml")


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        bases: good inputs.
        feed: reads one input; returns whether it was taken. Whatever it raises is a finding.
        share: its share of all cases; what reads slowly gets fewer.
    """

    name: str
    bases: tuple[bytes, ...]
    feed: Callable[[bytes], bool]
    share: float


def frames(data: bytes) -> bool:
    """Read frames as they arrive, in two parts, and from a stream that ends."""
    decoder, middle = Decoder(), len(data) // 2
    taken = False
    with contextlib.suppress(FrameError):
        for part in (data[:middle], data[middle:]):
            for header, _ in decoder.feed(part):
                storable(header)
                taken = True
    with contextlib.suppress(FrameError, EOFError):
        read(io.BytesIO(data))
    return taken


def figures(data: bytes) -> bool:
    """Read the figures that an agent reports."""
    try:
        header = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return False
    if not isinstance(header, dict):
        return False
    taken = False
    for kind in (Probe, RawTiming, Health):
        with contextlib.suppress(FarmError):
            value(kind, header)  # type: ignore[type-var]
            taken = True
    return taken


def captures(data: bytes) -> bool:
    """Read the operators' figures that an agent reports, and keep them."""
    try:
        found = captured(data)
    except DeviceError:
        return False
    assert Capture.model_validate_json(found.model_dump_json()) == found
    return True


def greeting(data: bytes) -> bool:
    """Read what a device says before its agent starts."""
    wire = _Wire(data)
    try:
        noise, rest = read_until(wire, MARK, deadline=Deadline.after(60))
    except (EndedError, FarmError):
        return False
    assert noise + MARK + rest == data[: len(noise) + len(MARK) + len(rest)]
    return True


def inventory(data: bytes) -> bool:
    """Read an inventory."""
    try:
        read_inventory(parse(data.decode("utf-8", "replace"), PLACE, Code.BAD_INVENTORY))
    except InputError as error:
        return _told(error)
    return True


def experiment(data: bytes) -> bool:
    """Read an experiment."""
    try:
        read_experiment(parse(data.decode("utf-8", "replace"), PLACE, Code.BAD_EXPERIMENT))
    except InputError as error:
        return _told(error)
    return True


def journal(data: bytes) -> bool:
    """Read a line of a journal, and now and then a whole journal from disk."""
    if len(data) % 50 == 0:
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(FarmError):
            Path(folder, NAME).write_bytes(data + b"\n")
            list(read_journal(Path(folder)))
    try:
        JOURNAL_LINE.validate_json(data)
    except ValueError:
        return False
    return True


def arrays(data: bytes) -> bool:
    """Read an array whose file is what its name says, and is rubbish even so."""
    digest = hashlib.sha256(data).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "evidence", f"{digest}.npy")
        path.parent.mkdir()
        path.write_bytes(data)
        try:
            ArrayStore(Path(folder)).load(digest)
        except FarmError:
            return False
    return True


class _Wire:
    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def recv(self, nbytes: int) -> bytes:
        return self._stream.read(min(nbytes, 97))

    def sendall(self, s: bytes) -> None:
        raise NotImplementedError(s)

    def close(self) -> None:
        """Nothing to close."""


def _told(error: InputError) -> bool:
    """A mistake is told in words that a terminal can show."""
    message = error.problem.message
    assert message.strip()
    assert all(character.isprintable() or character == "\n" for character in message), message
    return False


TARGETS: tuple[Target, ...] = (
    Target("frames", tuple(encode(header, b"payload" * 3) for header in examples.HEADERS), frames, 0.345),
    Target("figures", tuple(json.dumps(header).encode() for header in examples.HEADERS), figures, 0.15),
    Target("captures", examples.CAPTURES, captures, 0.05),
    Target("greeting", examples.GREETINGS, greeting, 0.1),
    Target("journal", examples.JOURNAL, journal, 0.2),
    Target("arrays", tuple(npy_bytes(array) for array in examples.ARRAYS), arrays, 0.05),
    Target("runs", runs.EXAMPLES, runs.run, 0.005),
    Target("inventory", examples.INVENTORIES, inventory, 0.05),
    Target("experiment", examples.EXPERIMENTS, experiment, 0.05),
)
