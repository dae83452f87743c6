"""The agent on emulated boards, through OpenSSH: what user-mode emulation and proot might have broken.

And what an older engine makes of the files of the newest converter: every Python there has wheels of all versions.
"""

import time
from pathlib import Path

import numpy as np
import pytest

from harness.cache import cache_root
from harness.emulator.board import Board
from harness.fleet.bootstrap import MARK, agent_archive, command
from harness.fleet.captures import captured
from harness.fleet.wheels import Platform, WheelHouse
from harness.models.golden import golden
from harness.models.load_samples import load_samples
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import make_variant
from harness.precision import Weights
from tests.agent.capture_models import CULPRIT, LENGTH, planted
from tests.agent.driver import AgentDriver, Reply
from tests.agent.models import PIXELS, Floats, Model
from tests.agent.processes import wait_until
from tests.agent.served import FP16, Served, first_output, npy
from tests.boards import RunningFleet
from tests.chaos import plants
from tests.chaos.plants import AGENT_HANGS, python_script

pytestmark = pytest.mark.e2e

WORKDIR = "~/.cache/agent-tests"
LEASE = WORKDIR + "/lease"


def started(board: Board, python: str = "python3", workdir: str = WORKDIR) -> AgentDriver:
    archive = agent_archive()
    agent = AgentDriver([*board.ssh_command(), command(archive, launcher=[], python=python, workdir=workdir)])
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


def test_an_operator_that_loses_in_float16_is_found(fleet: RunningFleet, tmp_path: Path) -> None:
    agent = started(fleet.boards["cortex-a76"])
    facts = agent.hello(LEASE)["facts"]
    cell = served(agent, facts, planted(tmp_path))
    assert cell.open(runtime=FP16).ok
    reply = cell.ask("capture", index=0, control=cell.model)
    assert reply.ok, reply.header
    found = captured(reply.payload)
    assert (found.undisturbed, found.control_undisturbed, found.restored, found.unmatched) == (True, True, True, 0)
    made = sorted(found.operators, key=lambda each: each.made or 0)
    worst, second = made[-1], made[-2]
    assert worst.name.startswith(CULPRIT)
    assert (worst.made or 0) > 3 * (second.made or 0)
    # Alike terms added up: rounding each of them hardly matters, so the adding lost it.
    assert worst.amplification is not None
    assert worst.amplification < 2 / LENGTH**0.5
    after = found.operators[found.operators.index(worst) + 1 :]
    passed_through = [each for each in after if each.name in ("scaled", "bent")]
    assert [each.name for each in passed_through] == ["scaled", "bent"]
    for operator in passed_through:
        assert (operator.relative_l2 or 0) > 0.7 * (worst.relative_l2 or 0) > 10 * (operator.made or 0)
    assert found.output_relative_l2 == found.operators[-1].relative_l2
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

    last = started(board)
    assert gets(last, LEASE, within_s=10)
    assert last.request("bye").ok
    last.kill()


def gets(agent: AgentDriver, lease: str, within_s: float) -> bool:
    """Return whether another run gets a lease in time; until then it hears that the device is busy."""
    until = time.monotonic() + within_s
    while not (reply := agent.hello(lease, run="other")).ok:
        assert reply.code == "device-busy"
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def test_an_agent_that_hangs_without_a_coordinator_frees_the_board(fleet: RunningFleet) -> None:
    board = fleet.boards["cortex-a72"]
    python = python_script(board.home / "hangs/bin", f"/home/{board.user}/hangs/bin", code=AGENT_HANGS)
    workdir = "~/hangs/farm"
    lease = workdir + "/lease"
    frozen = started(board, python, workdir)
    heir = started(board, workdir=workdir)
    assert frozen.hello(lease, silence_s=5).ok
    frozen.send("infer", cell="none")
    wait_until((board.home / "hangs/bin" / plants.MARK).exists)
    frozen.kill()
    assert heir.hello(lease, run="other").code == "device-busy"
    assert gets(heir, lease, within_s=25)
    assert heir.request("bye").ok
    heir.kill()


STORED = (Weights(), Weights(half=True), Weights(bits=8), Weights(bits=8, block=32), Weights(bits=4, block=32))
CALIBRATED = Weights(calibrated=True)
OLDEST, NEWEST = "3.0.0", "3.6.1"


def test_the_oldest_engine_reads_the_files_of_the_newest_converter(fleet: RunningFleet) -> None:
    """Every way in which the catalogue stores weights. Else files would have to be made by each version's converter.

    Memory is normal: the weights are dequantised, and two engines that read the same numbers agree as closely as
    fp32 does. For calibrated int8 each has kernels of its own, which round differently: there one may be as far
    from the other as quantisation took it from the reference.
    """
    agent = started(fleet.boards["cortex-a76"])
    platform = Platform.of(agent.hello(LEASE)["facts"])
    for version in (OLDEST, NEWEST):
        wheels = WheelHouse(cache_root() / "wheels").resolve(platform, version)
        assert agent.engine([wheel.path for wheel in wheels], version)["engine"] == version
    source = resolve(name="b0", bundled="efficientvit_b0")
    samples = load_samples(source, max_images=3, seed=0)
    batch, reference = agent.store(npy(samples.x)), golden(source, samples)
    for weights in (*STORED, CALIBRATED):
        digest = agent.store(make_variant(source, weights, samples).path.read_bytes())
        old, new = (
            answers(Served(agent, Path(), digest, batch, Reply({}, b"")), version, source, samples)
            for version in (OLDEST, NEWEST)
        )
        assert apart(old, new) <= (apart(new, reference) if weights.calibrated else 1e-4), weights.stored_as
        assert apart(new, reference) > 1e-4 or weights == Weights(), "this file has lost something"
    assert agent.request("bye").ok
    agent.kill()


def answers(served: Served, version: str, source: ModelSource, samples: SampleSet) -> Floats:
    names = source.signature
    opened = served.open(engine=version, inputs=[names.input_name], outputs=[names.output_name], deadline_s=300)
    assert opened.ok, opened.header
    found = first_output(served.infer(count=len(samples), mean=samples.mean, std=samples.std))
    assert served.close().ok
    return found


def apart(one: Floats, other: Floats) -> float:
    """Return the median relative distance of two models' answers."""
    return float(np.median(np.linalg.norm(one - other, axis=1) / np.linalg.norm(other, axis=1)))
