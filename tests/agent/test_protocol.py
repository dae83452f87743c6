"""The conversation: order, heartbeats, refusals, and objects on their way into the store."""

import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.agent.frames import CHUNK
from tests.agent.conftest import StartAgent
from tests.agent.driver import AgentDriver

DATA = os.urandom(3 * CHUNK + 17)


def test_hello_describes_the_device(start: StartAgent, workdir: Path) -> None:
    hello = start(workdir).hello(workdir / "lease")
    assert hello["agent"] == 1
    assert hello["facts"]["machine"] == os.uname().machine
    assert hello["facts"]["workdir"] == str(workdir)


def test_only_ping_and_hello_are_served_before_hello(start: StartAgent, workdir: Path) -> None:
    agent = start(workdir)
    assert agent.request("ping").ok
    for op in ("have", "put", "engine", "open", "infer", "probe", "time", "close"):
        assert agent.request(op).code == "protocol"
    assert not (workdir / "store").exists()


@pytest.mark.parametrize("op", ["dance", None, ["put"], {}, 1])
def test_unknown_operations_are_refused(agent: AgentDriver, op: object) -> None:
    assert agent.request(op).code == "protocol"
    assert agent.request("ping").ok


@pytest.mark.parametrize("op", ["have", "put", "engine", "open", "infer", "probe", "time", "close", "hello"])
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
    asked = agent.send("engine", engine="3.6.1", wheels=listed)
    slowest, count = 0.0, 0
    while asked not in agent.answered():
        began = time.monotonic()
        assert agent.request("ping", timeout=10).ok
        slowest, count = max(slowest, time.monotonic() - began), count + 1
    assert agent.wait(asked)["unpacked"] is True
    assert count >= 5
    assert slowest < 1.0
    again = agent.request("engine", engine="3.6.1", wheels=listed)
    assert again["unpacked"] is False
    assert agent.request("engine", engine="3.6.1", wheels=listed[:1]).code == "protocol"


def test_engines_that_are_none(agent: AgentDriver) -> None:
    empty = agent.store(b"no wheel")
    listed = [{"name": "x.whl", "digest": empty}]
    assert agent.request("engine", engine="3.6.1", wheels=listed).code == "store-corrupt"
    assert agent.request("engine", engine="../3.6.1", wheels=listed).code == "protocol"
    assert agent.request("engine", engine="3.6.1", wheels=[{"name": "x", "digest": "0" * 64}]).code == "store-corrupt"
    assert agent.request("engine", engine="3.6.2", wheels=[]).code == "engine-start-failed"


def test_engine_that_cannot_be_imported_says_why(agent: AgentDriver, tmp_path: Path) -> None:
    import zipfile

    for content, word in (
        ("raise RuntimeError('too old a board')", "too old a board"),
        ("import os; os.abort()", "SIGABRT"),
    ):
        wheel = tmp_path / "broken.whl"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("MNN/__init__.py", content)
        refused = agent.engine([wheel], version="3.6.1")
        assert refused.code == "engine-start-failed"
        assert word in refused.message
