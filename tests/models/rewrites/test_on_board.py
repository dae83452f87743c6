"""On the true fp16 kernels of an emulated Cortex-A76 each rewrite repairs what it is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from harness.cache import cache_root
from harness.fleet.bootstrap import MARK, agent_archive, command
from harness.fleet.wheels import Platform, WheelHouse
from harness.models.samples import SampleSet
from harness.models.variants import make_variant
from harness.precision import Weights
from tests.agent.driver import AgentDriver
from tests.agent.served import FP16, Served, first_output, npy
from tests.boards import RunningFleet
from tests.models.builders import save, source_of
from tests.models.rewrites.models import Exact, attention, attention_by_hand, filters

pytestmark = pytest.mark.e2e

WORKDIR = "~/.cache/agent-tests"


@dataclass(frozen=True)
class Case:
    """A model that fp16 spoils, for one image [1, 3, H, W], and how far fp16 is off after the repair, at most."""

    path: Path
    image: NDArray[np.float32]
    exact: Exact
    rewrites: tuple[str, ...]
    repaired: float


def pooling(folder: Path) -> Case:
    """A running sum in float16 over 64 x 64 numbers of one sign."""
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["map"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    weights = np.abs(filters(0))
    shapes = {"inputs": {"image": [1, 3, 64, 64]}, "outputs": {"out": [1, 4]}}
    path = save(folder / "pooling.onnx", nodes, {"w": weights}, **shapes)  # type: ignore[arg-type]
    image = np.random.RandomState(0).rand(1, 3, 64, 64).astype(np.float32)
    exact = image.astype(np.float64).mean(axis=(2, 3)) @ weights[:, :, 0, 0].T.astype(np.float64)
    return Case(path, image, exact, ("mean-pool",), 1e-3)


def sums(folder: Path) -> Case:
    """4096 tokens of one sign."""
    image = (np.random.RandomState(0).rand(1, 3, 64, 64) / 16).astype(np.float32)
    path = attention(folder / "sums.onnx", 64)
    return Case(path, image, attention_by_hand(image, 1e-5), ("scale-attention", "sum-matmul"), 1.5e-3)


def overflow(folder: Path) -> Case:
    """Sums of up to five million."""
    image = 15 + np.random.RandomState(0).rand(1, 3, 16, 16).astype(np.float32)
    path = attention(folder / "overflow.onnx", 16)
    return Case(path, image, attention_by_hand(image, 1e-5), ("scale-attention",), 5e-3)


def vanishing(folder: Path) -> Case:
    """Tokens that look at nothing: 0 / 0, once 1e-15 is 0."""
    image = np.random.RandomState(0).rand(1, 3, 16, 16).astype(np.float32)
    image[..., :4] = 0
    path = attention(folder / "vanishing.onnx", 16, epsilon=1e-15)
    return Case(path, image, attention_by_hand(image, 1e-15), ("epsilon",), 5e-3)


@contextmanager
def board(fleet: RunningFleet) -> Iterator[Served]:
    archive = agent_archive()
    ssh = fleet.boards["cortex-a76"].ssh_command()
    agent = AgentDriver([*ssh, command(archive, launcher=[], python="python3", workdir=WORKDIR)])
    agent.read_until(MARK)
    if agent.read_until(b"\n") == b"need":
        agent.write(archive.data)
    agent.await_preamble()
    facts = agent.hello(WORKDIR + "/lease")["facts"]
    wheels = WheelHouse(cache_root() / "wheels").resolve(Platform.of(facts), "3.6.1")
    engine = agent.engine([wheel.path for wheel in wheels])
    yield Served(agent, Path(WORKDIR), "", "", engine)
    assert agent.request("bye").ok
    agent.kill()


def off(served: Served, case: Case, rewrites: tuple[str, ...], cache: Path) -> float:
    """Relative L2 of the board's fp16 output; infinite where it is not finite."""
    samples = SampleSet(case.image, None, (), (), ("image",))
    variant = make_variant(source_of(case.path), Weights(rewrites=rewrites), samples, cache=cache)
    model = served.agent.store(variant.path.read_bytes())
    assert served.open(model=model, runtime=FP16, outputs=["out"]).ok
    batch = served.agent.store(npy(case.image))
    output = first_output(served.infer(count=1, batch=batch, mean=[], std=[]))
    assert served.close().ok
    error = float(np.linalg.norm(output - case.exact) / np.linalg.norm(case.exact))
    return error if np.isfinite(error) else np.inf


def test_each_rewrite_repairs_what_it_is_for(fleet: RunningFleet, tmp_path: Path) -> None:
    with board(fleet) as served:
        for case in (make(tmp_path) for make in (pooling, sums, overflow, vanishing)):
            before, after = (off(served, case, rewrites, tmp_path) for rewrites in ((), case.rewrites))
            assert before > 10 * case.repaired, case.path.name
            assert after < case.repaired, case.path.name
