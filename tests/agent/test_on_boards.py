"""The agent on emulated boards, through OpenSSH: what user-mode emulation and proot might have broken."""

import time
from pathlib import Path

import pytest

from harness.cache import cache_root
from harness.emulator.board import Board
from harness.fleet.bootstrap import MARK, agent_archive, command
from harness.fleet.wheels import Platform, WheelHouse
from tests.agent.driver import AgentDriver
from tests.agent.models import PIXELS, Model
from tests.agent.served import FP16, Served, npy
from tests.boards import RunningFleet

pytestmark = pytest.mark.e2e

WORKDIR = "~/.cache/agent-tests"
LEASE = WORKDIR + "/lease"


def started(board: Board) -> AgentDriver:
    archive = agent_archive()
    agent = AgentDriver([*board.ssh_command(), command(archive, launcher=[], python="python3", workdir=WORKDIR)])
    agent.read_until(MARK)
    if agent.read_until(b"\n") == b"need":
        agent.write(archive.data)
    agent.await_preamble()
    return agent


def served(agent: AgentDriver, facts: dict[str, object], model: Model) -> Served:
    wheels = WheelHouse(cache_root() / "wheels").resolve(Platform.of(facts), "3.6.1")
    engine = agent.engine([wheel.path for wheel in wheels])
    return Served(agent, Path(WORKDIR), agent.store(model.mnn), agent.store(npy(PIXELS)), engine)


def test_a_board_without_fp16_says_so(fleet: RunningFleet) -> None:
    agent = started(fleet.boards["cortex-a72"])
    facts = agent.hello(LEASE)["facts"]
    assert facts["machine"] == "aarch64"
    assert {"asimd"} <= set(facts["isa"])
    assert not {"fp16", "dot", "i8mm"} & set(facts["isa"])
    assert agent.request("bye").ok
    agent.kill()


def test_a_board_from_its_first_cell_to_a_lost_client(fleet: RunningFleet, model: Model) -> None:
    board = fleet.boards["cortex-a76"]
    agent = started(board)
    facts = agent.hello(LEASE)["facts"]
    assert {"fp16", "dot"} <= set(facts["isa"])
    cell = served(agent, facts, model)
    assert "fp16:1," in cell.engine["banner"]

    assert cell.open(runtime=FP16, cpus=[facts["cpus"][0]]).ok
    probe = cell.probe()
    assert probe["session_equals_module"] is True
    assert probe["session_backend"] == 13
    assert probe["half_tensors"] > probe["tensors"] / 2
    assert probe["half_tensors_high"] == 0
    assert probe["equals_high"] is False
    busy = cell.send_long_work()

    stranger = started(board)
    assert stranger.hello(LEASE, run="other").code == "device-busy"
    assert agent.request("ping", timeout=5).ok
    assert busy not in agent.answered()
    stranger.kill()

    heir = started(board)
    assert heir.hello(LEASE).ok  # the same run: it replaces the busy agent
    assert agent.process.wait(20) == 0
    agent.kill()
    assert heir.request("ping").ok
    heir.kill()  # the client dies; nobody says bye

    last, until = started(board), time.monotonic() + 10
    while not (reply := last.hello(LEASE, run="other")).ok:
        assert reply.code == "device-busy"
        assert time.monotonic() < until
        time.sleep(0.2)
    assert last.request("bye").ok
    last.kill()
