"""The agent's operations as typed calls; one method an operation of `harness.agent`'s protocol."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.agent.frames import CHUNK, Header
from harness.block_errors import BlockErrors
from harness.captured import Capture
from harness.errors import Code, DeviceError, TransportError
from harness.evidence import Health, Probe, RawTiming
from harness.fleet.block_errors import block_errors
from harness.fleet.captures import captured
from harness.fleet.deadline import Deadline
from harness.fleet.figures import MOST_MB, value
from harness.fleet.link import Link
from harness.fleet.wheels import Wheel
from harness.precision import Segment

FloatArray = NDArray[np.float32]
MAX_OUTPUT_ELEMENTS = 1 << 20


@dataclass(frozen=True, slots=True)
class CellSetup:
    """What a child needs to open a cell; see `open` in the protocol. No `segments`: the whole model in one."""

    cell: str
    engine: str
    model: str
    runtime: Mapping[str, int]
    hints: Sequence[tuple[int, int]]
    input_name: str
    output_name: str
    cpus: Sequence[int] | None
    deadline_s: float
    segments: Sequence[Segment] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of samples in the device's store, and how it is normalised there."""

    digest: str
    count: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def header(self) -> Header:
        """The fields that every request on samples carries."""
        return {"batch": self.digest, "mean": list(self.mean), "std": list(self.std)}


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine said of itself on the device."""

    engine: str
    numpy: str
    banner: str
    unpacked: bool


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """Who holds a device; run, holder and time are what the holder wrote, '' or None where it did not.

    Attributes:
        held_s: seconds since the lease was taken.
    """

    held: bool
    run: str = ""
    holder: str = ""
    held_s: float | None = None


class AgentClient:
    """Typed requests to one agent.

    Every call may raise TransportError (the link) or DeviceError (the agent's refusal, or `protocol` where
    an answer is not what it must be): a device may lie, so nothing is used unchecked.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def hello(
        self,
        *,
        run: str,
        holder: str,
        lease: str,
        device: str,
        silence_s: float,
        deadline: Deadline,
        governor: str | None = None,
    ) -> dict[str, object]:
        """Take the lease, set the governor where one is named, and return the device's facts.

        Args:
            run: the run's id.
            holder: who others are told holds the device.
            lease: path of the lease on the device.
            device: the device's name in the inventory.
            silence_s: after so long without a word from us the agent ends.
            governor: of the processor's frequency.
            deadline: of the answer.

        Raises DeviceError: device-busy with the holder, governor-refused.
        """
        request: Header = {"op": "hello", "run": run, "holder": holder, "lease": lease, "silence_s": silence_s}
        header, _ = self._link.request({**request, "device": device, "governor": governor}, deadline=deadline)
        facts = header.get("facts")
        if not isinstance(facts, dict):
            raise _lie("hello", "facts")
        return facts

    def who(self, lease: str, *, deadline: Deadline) -> LeaseFacts:
        """Ask who holds a lease, without taking it."""
        header, _ = self._link.request({"op": "who", "lease": lease}, deadline=deadline)
        if type(header.get("held")) is not bool:
            raise _lie("who", "held")
        seconds = header.get("held_s")
        known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < math.inf
        return LeaseFacts(
            held=header["held"] is True,
            run=str(header.get("run") or "")[:100],
            holder=str(header.get("holder") or "")[:100],
            held_s=float(seconds) if known and seconds is not None else None,
        )

    def health(self, *, busy_over_s: float, deadline: Deadline) -> Health:
        """Ask how the device is; measure its load over some seconds where `busy_over_s` is not 0."""
        header, _ = self._link.request({"op": "health", "busy_over_s": busy_over_s}, deadline=deadline)
        return value(Health, header)

    def missing(self, digests: Sequence[str], *, deadline: Deadline) -> list[str]:
        """Return those of `digests` that the device's store does not hold."""
        header, _ = self._link.request({"op": "have", "digests": list(digests)}, deadline=deadline)
        missing = header.get("missing")
        if not isinstance(missing, list):
            raise _lie("have", "missing")
        return [digest for digest in digests if digest in missing]

    def put(self, digest: str, data: bytes, *, deadline: Deadline, sent: Callable[[int], None]) -> None:
        """Send one object into the store; `sent` hears of every chunk's size in bytes.

        Raises TransportError: connection-lost, among others where a link that trickles meets the deadline.
        """
        pending, allowed_s = None, deadline.left
        for offset in range(0, max(len(data), 1), CHUNK):
            if deadline.expired:
                words = f"Only {offset:,} of {len(data):,} bytes were sent within {allowed_s:.0f} s."
                raise TransportError(Code.CONNECTION_LOST, words)
            chunk = data[offset : offset + CHUNK]
            header = {"op": "put", "digest": digest, "size": len(data), "offset": offset}
            pending = self._link.send(header, chunk, part_of=pending)
            sent(len(chunk))
            if pending.answered:
                break
        if pending is not None:
            pending.collect(deadline)

    def engine(self, version: str, wheels: Iterable[Wheel], *, start_s: float, deadline: Deadline) -> EngineFacts:
        """Unpack an engine's wheels where that is still to do, and start its zygote, within `start_s` there."""
        listed = [{"name": wheel.name, "digest": wheel.digest} for wheel in wheels]
        request: Header = {"op": "engine", "engine": version, "wheels": listed, "deadline_s": start_s}
        header, _ = self._link.request(request, deadline=deadline)
        return EngineFacts(
            engine=str(header.get("engine", ""))[:100],
            numpy=str(header.get("numpy", ""))[:100],
            banner=str(header.get("banner", ""))[:500],
            unpacked=header.get("unpacked") is True,
        )

    def open(self, setup: CellSetup, *, deadline: Deadline) -> None:
        """Fork the cell's child and load its model."""
        request: Header = {
            "op": "open",
            "cell": setup.cell,
            "engine": setup.engine,
            "model": setup.model,
            "runtime": dict(setup.runtime),
            "hints": [list(pair) for pair in setup.hints],
            "inputs": [setup.input_name],
            "outputs": [setup.output_name],
            "segments": [_part(segment) for segment in setup.segments],
            "cpus": None if setup.cpus is None else list(setup.cpus),
            "deadline_s": setup.deadline_s,
        }
        self._link.request(request, deadline=deadline)

    def infer(self, setup: CellSetup, batch: Batch, *, first: int, count: int, deadline: Deadline) -> FloatArray:
        """Return the outputs of `count` images from `first` on, float32 [count, …], checked by name."""
        request = {"op": "infer", "cell": setup.cell, **batch.header(), "first": first, "count": count}
        header, payload = self._of_cell(request, deadline)
        return _output(header, payload, name=setup.output_name, count=count)

    def probe(self, setup: CellSetup, batch: Batch, *, deadline: Deadline) -> Probe:
        """Ask on the batch's first sample what really ran."""
        request = {"op": "probe", "cell": setup.cell, **batch.header(), "index": 0}
        header, _ = self._of_cell(request, deadline)
        return value(Probe, header)

    def capture(self, setup: CellSetup, batch: Batch, *, index: int, control: str, deadline: Deadline) -> Capture:
        """Ask on one of the batch's samples where the numbers leave those of a file in fp32, operator by operator."""
        request = {"op": "capture", "cell": setup.cell, **batch.header(), "index": index, "control": control}
        _, payload = self._of_cell(request, deadline)
        return captured(payload)

    def blocks(
        self, setup: CellSetup, batch: Batch, *, index: int, control: str, cut: Sequence[Segment], deadline: Deadline
    ) -> BlockErrors:
        """Ask on one of the batch's samples what each block of `cut` does to the numbers, against a file in fp32."""
        request = {"op": "blocks", "cell": setup.cell, **batch.header(), "index": index, "control": control}
        segments = [{"inputs": list(one.inputs), "outputs": list(one.outputs)} for one in cut]
        _, payload = self._of_cell({**request, "segments": segments}, deadline)
        return block_errors(payload, count=len(cut))

    def time(self, setup: CellSetup, batch: Batch, *, warmup: int, repeats: int, deadline: Deadline) -> RawTiming:
        """Time the batch's first sample."""
        request = {"op": "time", "cell": setup.cell, **batch.header(), "index": 0}
        header, _ = self._of_cell({**request, "warmup": warmup, "repeats": repeats}, deadline)
        return value(RawTiming, header)

    def _of_cell(self, request: Header, deadline: Deadline) -> tuple[Header, bytes]:
        """Ask a cell; an answer that is another cell's, or about another batch, is none."""
        header, payload = self._link.request(request, deadline=deadline)
        for asked in ("cell", "batch"):
            if header.get(asked) != request[asked]:
                said, operation = str(header.get(asked))[:100], request["op"]
                raise DeviceError(Code.PROTOCOL, f"Asked to {operation}, the agent answers for the {asked} {said!r}.")
        return header, payload

    def close_cell(self, setup: CellSetup, *, deadline: Deadline) -> float | None:
        """End the cell's child; return its peak resident memory, MB."""
        header, _ = self._link.request({"op": "close", "cell": setup.cell}, deadline=deadline)
        peak = header.get("max_rss_mb")
        if isinstance(peak, bool) or not isinstance(peak, int | float) or not 0 <= peak < MOST_MB:
            return None  # nothing is judged by it, so what is no memory size is left out
        return float(peak)

    def bye(self, *, deadline: Deadline) -> None:
        """End the agent, which frees the lease."""
        self._link.request({"op": "bye"}, deadline=deadline)


def _output(header: Header, payload: bytes, *, name: str, count: int) -> FloatArray:
    outputs = header.get("outputs")
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise _lie("infer", "outputs")
    described = outputs[0]
    shape = described.get("shape")
    if described.get("name") != name or described.get("dtype") != "float32":
        raise DeviceError(
            Code.OUTPUT_MISMATCH,
            f"Output {described.get('name')!r} of type {described.get('dtype')!r} instead of {name!r}, float32.",
        )
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
        raise _lie("infer", "shape")
    if shape[:1] != [count] or math.prod(shape) > MAX_OUTPUT_ELEMENTS or len(payload) != 4 * math.prod(shape):
        raise DeviceError(
            Code.OUTPUT_MISMATCH, f"Output of shape {shape} in {len(payload)} bytes for {count} images."
        )
    return np.frombuffer(payload, dtype="<f4").reshape(shape).astype(np.float32)


def _part(segment: Segment) -> Header:
    return {
        "inputs": list(segment.inputs),
        "outputs": list(segment.outputs),
        "precision": segment.compute.mnn,
    }


def _lie(operation: str, what: str) -> DeviceError:
    return DeviceError(Code.PROTOCOL, f"The agent's answer to {operation} has no proper {what}.")
