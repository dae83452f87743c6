"""A real agent as a subprocess, the real wheels of this machine, and small models."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.agent.facts import facts
from harness.cache import cache_root
from harness.fleet.bootstrap import agent_archive
from harness.fleet.wheels import Platform, WheelHouse
from tests.agent.driver import AgentDriver, running
from tests.agent.models import SAMPLES, Model, convolutions
from tests.agent.served import Served

StartAgent = Callable[..., AgentDriver]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent as it is shipped."""
    path = tmp_path_factory.mktemp("archive") / "agent.zip"
    path.write_bytes(agent_archive().data)
    return path


@pytest.fixture(scope="session")
def wheels() -> list[Path]:
    """The wheels that fit this machine's Python, through pip and the lock of the farm."""
    platform = Platform.of(facts("/"))
    return [wheel.path for wheel in WheelHouse(cache_root() / "wheels").resolve(platform, "3.6.1")]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return convolutions(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def reference(model: Model) -> NDArray[np.float32]:
    """What onnxruntime makes of the samples."""
    return model.reference(SAMPLES)


@pytest.fixture(scope="session")
def stocked(archive: Path, wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workdir in which the engine is unpacked already."""
    workdir = tmp_path_factory.mktemp("stocked") / "work"
    with running([sys.executable, "-B", str(archive), str(workdir)]) as agent:
        agent.hello(workdir / "lease")
        assert agent.engine(wheels)["unpacked"] is True
        assert agent.request("bye").ok
    (workdir / "lease").unlink()
    return workdir


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def start(archive: Path) -> Iterator[StartAgent]:
    """Starts agents in a workdir; they are gone at the end of the test."""
    with contextlib.ExitStack() as stack:

        def started(workdir: Path, **options: object) -> AgentDriver:
            return stack.enter_context(running([sys.executable, "-B", str(archive), str(workdir)], **options))

        yield started


@pytest.fixture
def agent(start: StartAgent, workdir: Path) -> AgentDriver:
    """An agent that was greeted, in an empty workdir."""
    driver = start(workdir)
    assert driver.hello(workdir / "lease").ok
    return driver


@pytest.fixture(scope="module")
def served(
    archive: Path, stocked: Path, wheels: list[Path], model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """An agent with a running engine, the model and the samples; shared by the tests of a module."""
    workdir = tmp_path_factory.mktemp("served") / "work"
    with running([sys.executable, "-B", str(archive), str(stocked_copy(stocked, workdir))]) as agent:
        yield Served.begin(agent, workdir, wheels, model)


@pytest.fixture
def fresh(start: StartAgent, stocked: Path, wheels: list[Path], model: Model, workdir: Path) -> Callable[..., Served]:
    """Starts such an agent for one test alone; the arguments are those of the agent's process."""
    return lambda **options: Served.begin(start(stocked_copy(stocked, workdir), **options), workdir, wheels, model)


@pytest.fixture
def own(fresh: Callable[..., Served]) -> Served:
    return fresh()


def stocked_copy(stocked: Path, workdir: Path) -> Path:
    """Make a workdir of the one in which the engine is unpacked."""
    # Hard links: as quick as it can be, and the agent replaces files instead of writing into them.
    shutil.copytree(stocked, workdir, copy_function=os.link)
    return workdir
