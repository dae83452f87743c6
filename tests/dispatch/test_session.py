"""A session: what is brought to the device, once, and what is known of it; opened and closed in order."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.config.inventory import Device
from harness.dispatch.patience import Patience
from harness.dispatch.session import Services, open_session
from harness.errors import Code, DeviceError, TransportError
from harness.fleet.link import SILENCE_S
from tests.dispatch.builders import BOARD, job
from tests.dispatch.sessions import FakeAgent, Reports, services, session
from tests.dispatch.stages import Stage


def test_an_engine_is_started_once(tmp_path: Path) -> None:
    agent = FakeAgent()
    of = session(agent, services(tmp_path))
    of.start_engine("3.6.1")
    of.start_engine("3.6.1")
    assert agent.calls == ["missing", "put", "engine"]
    of.start_engine("3.2.0")
    assert agent.calls[3:] == ["missing", "engine"]  # the wheel is there already


def test_an_engine_without_a_wheel_sends_nothing(tmp_path: Path) -> None:
    agent = FakeAgent()
    of = session(agent, services(tmp_path, no_wheel=DeviceError(Code.NO_WHEEL, "musl")))
    with pytest.raises(DeviceError, match="musl"):
        of.start_engine("3.6.1")
    assert agent.calls == []
    assert of.evidence.engines == {}


def test_objects_are_asked_for_and_sent_once(tmp_path: Path) -> None:
    agent, reports = FakeAgent(), Reports()
    of = session(agent, services(tmp_path), report=reports)
    cell = job(counts=(4, 2))
    of.provide(cell, batches=1)
    assert agent.held == {*cell.objects(1)}
    of.provide(cell, batches=1)
    of.provide(cell, batches=2)
    of.provide(job("fp16", counts=(4, 2)), batches=2)
    assert agent.calls == ["missing", "put", "put", "missing", "put"]
    assert agent.held == {*cell.objects(2)}
    assert of.sent_bytes == 1000 + 3 * 64


def test_what_could_not_be_sent_is_sent_again(tmp_path: Path) -> None:
    agent = FakeAgent(failures={("put", 2): DeviceError(Code.STORE_CORRUPT, "changed")})
    of = session(agent, services(tmp_path))
    cell = job(counts=(4, 2))
    with pytest.raises(DeviceError):
        of.provide(cell, batches=1)
    agent.held.discard(cell.batches[0].digest)
    of.provide(cell, batches=1)
    assert agent.held == {*cell.objects(1)}


def test_what_the_device_removed_is_sent_again_once_it_is_looked_for(tmp_path: Path) -> None:
    agent = FakeAgent()
    of = session(agent, services(tmp_path))
    cell = job()
    of.provide(cell, batches=1)
    agent.held.clear()
    of.provide(cell, batches=1)
    assert not agent.held, "it was told before that it holds them"
    of.look_again()
    of.provide(cell, batches=1)
    assert agent.held == {*cell.objects(1)}


def test_evidence_is_what_device_and_engines_said(tmp_path: Path) -> None:
    of = session(FakeAgent(), services(tmp_path))
    of.start_engine("3.6.1")
    assert of.evidence.name == "a76"
    assert of.evidence.facts == {"machine": "aarch64", "isa": ["fp16"], "cpus": [0, 1]}
    assert of.evidence.engines == {"3.6.1": {"engine": "3.6.1", "numpy": "2.1", "banner": "banner"}}
    assert of.evidence.sent_bytes == 1005


def test_a_busy_device_is_asked_again_over_the_same_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = DeviceError(Code.DEVICE_BUSY, "Run 7 of anna@lab holds this device.")
    stage, reports, slept = Stage(busy=[busy, busy]).put_on(monkeypatch), Reports(), list[float]()
    with open_session(BOARD, services(tmp_path, slept=slept), reports, Patience(60.0)) as opened:
        assert opened.sent_bytes == 750
    assert stage.did == ["connect", "start agent", "link", "hello", "hello", "hello", "bye", "close", "close"]
    assert slept == [2.0, 2.0]
    assert any("anna@lab" in words for words, *_ in reports.said)


def visit(shared: Services, device: Device = BOARD) -> int:
    with open_session(device, shared, Reports()) as opened:
        return opened.sent_bytes


WHOLE = ["connect", "start agent", "link", "hello", "bye", "close", "close"]


def test_a_session_is_opened_and_closed_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage().put_on(monkeypatch)
    assert visit(services(tmp_path)) == 750  # the agent itself counts
    assert stage.did == WHOLE
    said = {name: stage.said[name] for name in ("run", "holder", "lease", "silence_s")}
    assert said == {"run": "run-1", "holder": "me@here", "lease": "~/.cache/farm/lease", "silence_s": SILENCE_S}
    visit(services(tmp_path), BOARD.model_copy(update={"lease": "/run/shared"}))
    assert stage.said["lease"] == "/run/shared"


@pytest.mark.parametrize(
    ("fails", "did"),
    [
        ("connect", ["connect"]),
        ("start agent", ["connect", "start agent", "close"]),
        ("hello", WHOLE),
    ],
)
def test_what_was_opened_is_closed_when_the_rest_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, did: Sequence[str]
) -> None:
    stage = Stage(fails, DeviceError(Code.DEVICE_BUSY, "held")).put_on(monkeypatch)
    with pytest.raises(DeviceError):
        visit(services(tmp_path))
    assert stage.did == did


def test_a_failure_within_a_session_is_not_hidden_by_a_lost_goodbye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage("bye", TransportError(Code.CONNECTION_LOST, "gone")).put_on(monkeypatch)
    with pytest.raises(ZeroDivisionError), open_session(BOARD, services(tmp_path), Reports()):
        _ = 1 / 0
    assert stage.did == WHOLE
