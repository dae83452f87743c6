"""An agent that is ready to measure, and the requests on its cells."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.agent.driver import AgentDriver, Reply
from tests.agent.models import IMAGES, MEAN, PIXELS, STD, Model

FP32 = {"backend": 0, "numThread": 1, "precision": 1, "memory": 0, "power": 0}
FP16 = {**FP32, "precision": 2}


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@dataclass(frozen=True)
class Served:
    """An agent with the engine 3.6.1 running, and what is in its store."""

    agent: AgentDriver
    workdir: Path
    model: str
    batch: str
    engine: Reply

    @classmethod
    def begin(cls, agent: AgentDriver, workdir: Path, wheels: Sequence[Path], model: Model) -> "Served":
        assert agent.hello(workdir / "lease").ok
        engine = agent.engine(wheels)
        assert engine.ok, engine.header
        return cls(agent, workdir, agent.store(model.mnn), agent.store(npy(PIXELS)), engine)

    def send_open(self, cell: str = "c", **changes: Any) -> Any:
        fields = {
            "engine": "3.6.1",
            "model": self.model,
            "runtime": FP32,
            "hints": [],
            "inputs": ["image"],
            "outputs": ["logits"],
            "cpus": None,
            "deadline_s": 60,
            **changes,
        }
        return self.agent.send("open", cell=cell, **fields)

    def open(self, cell: str = "c", **changes: Any) -> Reply:
        return self.agent.wait(self.send_open(cell, **changes))

    def send(self, op: str, cell: str = "c", **changes: Any) -> Any:
        return self.agent.send(op, cell=cell, **{"batch": self.batch, "mean": MEAN, "std": STD, **changes})

    def ask(self, op: str, cell: str = "c", **changes: Any) -> Reply:
        return self.agent.wait(self.send(op, cell, **changes))

    def infer(self, cell: str = "c", first: int = 0, count: int = IMAGES, **changes: Any) -> Reply:
        return self.ask("infer", cell, first=first, count=count, **changes)

    def probe(self, cell: str = "c", **changes: Any) -> Reply:
        return self.ask("probe", cell, index=0, **changes)

    def send_long_work(self, cell: str = "c") -> Any:
        """Keep the cell's child busy for longer than any test waits."""
        return self.send("time", cell, index=0, warmup=0, repeats=10**7)

    def close(self, cell: str = "c") -> Reply:
        return self.agent.request("close", cell=cell)


def first_output(reply: Reply) -> NDArray[np.float32]:
    described = reply["outputs"][0]
    assert described["dtype"] == "float32"
    size = int(np.prod(described["shape"]))
    return np.frombuffer(reply.payload[: 4 * size], np.float32).reshape(described["shape"])
