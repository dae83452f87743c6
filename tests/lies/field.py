"""The field in one process: a real run with real agents, without Ray and SSH, and room for lies in between.

Coordinator, gateway, lanes, links, agents, children, engine, journal, evidence and judge are the farm's own.
Replaced are the cluster (by calls within this process) and the way to a device (by a pair of pipes).
"""

import contextlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from harness.agent import PREAMBLE
from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.dispatch import run as run_module
from harness.dispatch import session as session_module
from harness.dispatch.arrays import npy_digest
from harness.dispatch.gateway import Assignment, Gateway, GatewayEvent
from harness.dispatch.ledger import Listener
from harness.dispatch.run import Coordinator, Request
from harness.dispatch.stored import stored_run
from harness.fleet.bootstrap import agent_archive
from harness.fleet.wheels import Wheel
from harness.judge.run import judge
from harness.results import CellResult, RunResults

Lie = Mapping[str, str]
"""Python code by module of the agent: it runs at the end of that module, on the device."""

HONEST: Lie = {}
IMAGES = 400
CLASSES = 4


@dataclass
class Field:
    """Where runs take place.

    Attributes:
        model: an .onnx file; `samples`: an .npz file of labelled images for it.
        stocked: a device's workdir in which the engine is unpacked already.
    """

    folder: Path
    model: Path
    samples: Path
    stocked: Path
    wheels: tuple[Wheel, ...]
    runs: int = 0

    def run(
        self,
        lies: Mapping[str, Lie] | None = None,
        *,
        precisions: Sequence[Any] = ("fp32",),
        samples: Path | None = None,
        before: Callable[[str, Path], None] = lambda *_: None,
        resume: "Told | None" = None,
        **experiment: Any,
    ) -> "Told":
        """Run an experiment on devices that tell `lies`; `before` may change a device's workdir first."""
        self.runs += not resume
        lies = lies or {"board": HONEST}
        place = resume.place if resume else self.folder / f"run-{self.runs}"
        place.mkdir(exist_ok=True)
        content = {
            "models": [{"name": "m", "file": str(self.model), "samples": {"arrays": str(samples or self.samples)}}],
            "precisions": list(precisions),
            "sampling": {"max_images": IMAGES, "batch": 100},
            "timing": {"warmup": 1, "repeats": 6},
            **experiment,
        }
        # A device that lies in each of its cells must not be set aside before it has told all its lies.
        common = {"user": "u", "threads": 1, "health": {"set_aside_after": 1000}}
        devices = [
            {"name": name, "host": f"{name}.test", "workdir": str(place / name), "lease": str(place / name / "lease")}
            for name in lies
        ]
        inventory = _write(place / "inventory.yaml", {"defaults": common, "devices": devices})
        asked = _write(place / "experiment.yaml", content)
        with self._replaced(place, lies, before):
            request = Request(load_inventory(inventory), load_experiment(asked), place / "out", resume is not None)
            outcome = Coordinator(request, Listener()).run()
        return Told(outcome.results, request.folder, place)

    @contextlib.contextmanager
    def _replaced(self, place: Path, lies: Mapping[str, Lie], before: Callable[[str, Path], None]) -> Iterator[None]:
        def start_agent(_transport: object, device: Any, _archive: object, **_: object) -> tuple["Pipes", bytes, int]:
            workdir = place / device.name
            if not workdir.exists():
                subprocess.run(["cp", "-al", str(self.stocked), str(workdir)], check=True)
                before(device.name, workdir)
            archive = place / f"{device.name}.zip"
            archive.write_bytes(lying_archive(lies[device.name]))
            return Pipes.to(archive, workdir), b"", 0

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run_module, "open_cluster", _open_cluster)
            patch.setattr(session_module, "connect", lambda *_, **__: _Connection())
            patch.setattr(session_module, "start_agent", start_agent)
            patch.setattr(session_module, "WheelHouse", lambda _root: _House(self.wheels))
            yield


@dataclass(frozen=True)
class Told:
    """What a run came to."""

    results: RunResults
    folder: Path
    place: Path

    def cell(self, device: str = "board", precision: str = "fp32") -> CellResult:
        (found,) = [c for c in self.results.cells if (c.key.device, c.key.precision) == (device, precision)]
        return found

    def again(self) -> RunResults:
        """Judge what is stored, as `farm report` does."""
        return judge(stored_run(self.folder))

    def store(self, device: str = "board") -> Path:
        return self.place / device / "store"


def lying_archive(lie: Lie) -> bytes:
    """Return the agent as it is shipped, with code added to some of its modules."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(agent_archive().data)) as honest, zipfile.ZipFile(packed, "w") as changed:
        left = dict(lie)
        for name in honest.namelist():
            code = left.pop(name.removeprefix("harness/agent/").removesuffix(".py"), "")
            changed.writestr(name, honest.read(name) + b"\n\n" + code.encode())
    assert not left, f"the agent has no module {', '.join(left)}"
    return packed.getvalue()


@dataclass
class Pipes:
    """A wire to an agent that is a process of this machine."""

    process: "subprocess.Popen[bytes]"
    closed: bool = False

    @classmethod
    def to(cls, archive: Path, workdir: Path) -> "Pipes":
        process = subprocess.Popen(
            [sys.executable, "-B", str(archive), str(workdir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert process.stdout is not None
        seen = b""
        while not seen.endswith(PREAMBLE):
            part = os.read(process.stdout.fileno(), 1)
            assert part, seen
            seen += part
        return cls(process)

    def sendall(self, s: bytes) -> None:
        assert self.process.stdin is not None
        if self.closed:
            raise OSError("closed")
        view = memoryview(s)
        while view:
            view = view[self.process.stdin.write(view) :]

    def recv(self, nbytes: int) -> bytes:
        assert self.process.stdout is not None
        return os.read(self.process.stdout.fileno(), nbytes)

    def close(self) -> None:
        assert self.process.stdin is not None
        if not self.closed:
            self.closed = True
            self.process.stdin.close()
            self.process.wait(20)


class _Connection:
    transport = None

    def close(self) -> None:
        pass

    def abort(self) -> None:
        """Nobody here freezes a wire, so nothing needs to be torn down from another thread."""


@dataclass
class _House:
    wheels: tuple[Wheel, ...]

    def resolve(self, *_: object) -> tuple[Wheel, ...]:
        return self.wheels


@dataclass
class _Cluster:
    """What `harness.dispatch.cluster.Cluster` is, within this process."""

    gateways: list[Gateway] = field(default_factory=list)

    def task(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    def each(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        return [function(item) for item in items]

    def put(self, data: bytes) -> bytes:
        return data

    def gateway(self, _site: str, assigned: Assignment, blobs: dict[str, bytes]) -> "_Remote":
        made = Gateway(assigned, blobs.__getitem__, npy_digest, leave=lambda: None)
        self.gateways.append(made)
        return _Remote(made)


@dataclass
class _Remote:
    gateway: Gateway

    def start(self, *arguments: Any) -> None:
        self.gateway.start(*arguments)

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        return self.gateway.poll(wait_s)

    def stop(self, wait_s: float) -> None:
        self.gateway.stop(wait_s)


@contextlib.contextmanager
def _open_cluster(*_: object) -> Iterator[_Cluster]:
    yield _Cluster()


def _write(path: Path, content: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False))
    return path


def images(count: int = IMAGES) -> np.typing.NDArray[np.uint8]:
    """uint8 [count, 3, 16, 16]: coloured gradients with noise, so that a model gives them different classes."""
    random = np.random.default_rng(11)
    ramp = np.linspace(-1, 1, 16)
    base = random.uniform(0, 255, (count, 3, 1, 1))
    slopes = random.uniform(-90, 90, (count, 3, 2))
    x = base + slopes[:, :, :1, None] * ramp[:, None] + slopes[:, :, 1:, None] * ramp[None]
    x = x + random.normal(0, 25, (count, 3, 16, 16))
    return np.clip(x, 0, 255).astype(np.uint8)
