"""The conversation: order, heartbeats, refusals, and objects on their way into the store."""

import os
import time
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.agent.frames import CHUNK
from tests.agent.conftest import StartAgent
from tests.agent.driver import AgentDriver
from tests.agent.processes import wait_until, zygotes

DATA = os.urandom(3 * CHUNK + 17)


def test_hello_describes_the_device(start: StartAgent, workdir: Path) -> None:
    hello = start(workdir).hello(workdir / "lease")
    assert hello["agent"] == 1
    assert hello["facts"]["machine"] == os.uname().machine
    assert hello["facts"]["workdir"] == str(workdir)


def test_little_is_served_before_hello(start: StartAgent, workdir: Path) -> None:
    agent = start(workdir)
    assert agent.request("ping").ok
    for op in ("have", "put", "engine", "open", "infer", "probe", "capture", "time", "close"):
        assert agent.request(op).code == "protocol"
    assert not (workdir / "store").exists()


def test_who_holds_the_lease_is_told_without_taking_it(start: StartAgent, workdir: Path) -> None:
    lease = workdir / "lease"
    asking = start(workdir)
    assert asking.request("who", lease=str(lease))["held"] is False
    assert not lease.exists()
    holding = start(workdir)
    assert holding.hello(lease).ok
    told = asking.request("who", lease=str(lease))
    assert (told["held"], told["run"], told["holder"]) == (True, "run-1", "tests")
    assert 0.0 <= told["held_s"] < 60.0
    assert holding.request("ping").ok
    assert holding.request("bye").ok
    wait_until(lambda: asking.request("who", lease=str(lease))["held"] is False)


@pytest.mark.parametrize("op", ["dance", None, ["put"], {}, 1])
def test_unknown_operations_are_refused(agent: AgentDriver, op: object) -> None:
    assert agent.request(op).code == "protocol"
    assert agent.request("ping").ok


@pytest.mark.parametrize(
    "op", ["have", "put", "engine", "open", "infer", "probe", "capture", "time", "close", "hello", "who"]
)
def test_requests_without_their_fields_are_refused(agent: AgentDriver, op: str) -> None:
    assert agent.request(op).code == "protocol"
    assert agent.request("ping").ok


def test_frames_without_an_id_are_passed_over(agent: AgentDriver) -> None:
    passed_over: list[object] = ["x", None, 1.5, True, []]
    for number in passed_over:
        agent.send("ping", number=number)
    assert agent.request("ping").ok


def test_objects_arrive_and_stay(agent: AgentDriver, workdir: Path) -> None:
    digest = sha256(DATA).hexdigest()
    assert agent.request("have", digests=[digest])["missing"] == [digest]
    assert agent.put(DATA)["stored"] is True
    assert (workdir / "store" / digest).read_bytes() == DATA
    assert agent.request("have", digests=[digest])["missing"] == []
    assert agent.put(DATA)["stored"] is True  # again is fine
    assert agent.put(b"")["stored"] is True


def test_changed_bytes_are_refused(agent: AgentDriver, workdir: Path) -> None:
    assert agent.put(DATA, digest="0" * 64).code == "store-corrupt"
    assert list((workdir / "store").iterdir()) == []


def test_refused_objects_have_one_reply(agent: AgentDriver) -> None:
    digest = sha256(DATA).hexdigest()
    number = agent.send("put", DATA[:10], digest=digest, size=len(DATA), offset=5)
    for offset in range(10, 60, 10):
        agent.send("put", DATA[:10], number, digest=digest, size=len(DATA), offset=offset)
    assert agent.request("ping").ok
    assert agent.put(DATA)["stored"] is True
    assert agent.wait(number).code in ("store-corrupt", "protocol")  # `wait` insists on one


@pytest.mark.parametrize(
    "fields",
    [
        {"digest": "../../x", "size": 1, "offset": 0},
        {"digest": "A" * 64, "size": 1, "offset": 0},
        {"digest": "0" * 64, "size": -1, "offset": 0},
        {"digest": "0" * 64, "size": 1 << 60, "offset": 0},
        {"digest": "0" * 64, "size": "1", "offset": 0},
        {"digest": "0" * 64, "size": 1, "offset": None},
        {"digest": None, "size": 1, "offset": 0},
    ],
)
def test_nonsense_puts(agent: AgentDriver, workdir: Path, fields: dict[str, Any]) -> None:
    assert agent.request("put", b"x", **fields).code == "protocol"
    assert not (workdir / "store").exists() or list((workdir / "store").iterdir()) == []


def test_heartbeats_behind_a_large_object(agent: AgentDriver) -> None:
    # More than may wait for the disk at a time: the agent stops reading for a moment and goes on.
    data = os.urandom(1 << 20) * 80
    began = time.monotonic()
    assert agent.put(data)["stored"] is True
    assert time.monotonic() - began < 30
    assert agent.request("ping", timeout=2).ok


def test_heartbeats_while_an_engine_is_unpacked(agent: AgentDriver, wheels: list[Path]) -> None:
    digests = [agent.store(wheel.read_bytes()) for wheel in wheels]
    listed = [{"name": wheel.name, "digest": digest} for wheel, digest in zip(wheels, digests, strict=True)]
    asked = agent.send("engine", engine="3.6.1", wheels=listed, deadline_s=110)
    slowest, count = 0.0, 0
    while asked not in agent.answered():
        began = time.monotonic()
        assert agent.request("ping", timeout=10).ok
        slowest, count = max(slowest, time.monotonic() - began), count + 1
    assert agent.wait(asked)["unpacked"] is True
    assert count >= 5
    assert slowest < 1.0
    again = agent.request("engine", engine="3.6.1", wheels=listed, deadline_s=110)
    assert again["unpacked"] is False
    assert agent.request("engine", engine="3.6.1", wheels=listed[:1], deadline_s=110).code == "protocol"


def test_engines_that_are_none(agent: AgentDriver) -> None:
    def refused(wheels: list[dict[str, str]], engine: str = "3.6.1", deadline_s: object = 110) -> str:
        return agent.request("engine", engine=engine, wheels=wheels, deadline_s=deadline_s).code

    listed = [{"name": "x.whl", "digest": agent.store(b"no wheel")}]
    assert refused(listed) == "store-corrupt"
    assert refused(listed, "../3.6.1") == "protocol"
    assert refused([{"name": "x", "digest": "0" * 64}]) == "store-corrupt"
    assert refused([], "3.6.2") == "engine-start-failed"
    for deadline_s in (0, -1, "nan", "inf", None, "soon"):
        assert refused([], "3.6.2", deadline_s) == "protocol"


def _engine(folder: Path, content: str) -> Path:
    """Return a wheel whose engine does something else than to load."""
    with zipfile.ZipFile(folder / "broken.whl", "w") as file:
        file.writestr("MNN/__init__.py", content)
    return folder / "broken.whl"


def test_engine_that_hangs_in_its_import(agent: AgentDriver, tmp_path: Path) -> None:
    wheel = _engine(tmp_path, "import time\nprint('looking for a licence', flush=True)\ntime.sleep(600)\n")
    began = time.monotonic()
    refused = agent.engine([wheel], deadline_s=2)
    assert refused.code == "engine-start-failed"
    assert "MNN 3.6.1 was not imported within 2 s. looking for a licence" in refused.message
    assert 1.5 < time.monotonic() - began < 10
    assert not zygotes(agent.process.pid)
    # It can be asked for again, and others are no worse off.
    assert agent.engine([wheel], deadline_s=1).code == "engine-start-failed"
    assert "too old" in agent.engine([_engine(tmp_path, "raise RuntimeError('too old')")], version="3.2.0").message


def test_engine_that_is_unpacked_too_slowly(agent: AgentDriver, tmp_path: Path) -> None:
    # The worker is kept busy, as by a card that is slow.
    wheel = _engine(tmp_path, "raise RuntimeError('it was started after all')")
    digest = agent.store(wheel.read_bytes())
    busy = agent.send("health", busy_over_s=3)
    listed = [{"name": wheel.name, "digest": digest}]
    refused = agent.request("engine", engine="3.6.1", wheels=listed, deadline_s=1)
    assert refused.code == "engine-start-failed"
    assert "was not unpacked within 1 s" in refused.message
    again = agent.send("engine", engine="3.6.1", wheels=listed, deadline_s=60)
    assert agent.wait(busy).ok
    assert "it was started after all" in agent.wait(again).message


def test_engine_that_cannot_be_imported_says_why(agent: AgentDriver, tmp_path: Path) -> None:
    for content, word in (
        ("raise RuntimeError('too old a board')", "too old a board"),
        ("import os; os.abort()", "SIGABRT"),
    ):
        refused = agent.engine([_engine(tmp_path, content)], version="3.6.1")
        assert refused.code == "engine-start-failed"
        assert word in refused.message
