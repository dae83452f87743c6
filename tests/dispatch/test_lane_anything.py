"""Whatever happens, in whatever order: each cell of a lane ends in exactly one event, unless it is stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.dispatch.lane import Lane
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.evidence import Health
from tests.dispatch.builders import job, key
from tests.dispatch.lanes import Look, Outcome, Script, play

NAMES = ("fp32", "fp16", "bf16", "w8")
JOBS = tuple(job(name) for name in NAMES)
KEYS = [key(name) for name in NAMES]

Play = Callable[[Script], Lane]


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return lambda script: play(script, JOBS, tmp_path, monkeypatch)


failures: st.SearchStrategy[Exception] = st.one_of(
    st.sampled_from(Code).map(lambda code: DeviceError(code, "no")),
    st.sampled_from([Code.INTERRUPTED, Code.NO_WHEEL, Code.INTERNAL]).map(lambda code: FarmError(code, "no")),
    st.sampled_from([Code.CONNECTION_LOST, Code.DEVICE_UNREACHABLE]).map(lambda code: TransportError(code, "gone")),
    st.sampled_from([KeyError("k"), OSError(28, "full"), RecursionError()]),
)
STOP = object()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.none() | failures, max_size=4),
    st.lists(st.none() | failures | st.just(STOP), max_size=12),
    st.lists(st.just(Health()) | failures, max_size=12),
)
def test_each_cell_is_settled_once_unless_stopped(
    played: Play, connecting: list[Exception | None], measuring: list[object], looks: list[Look]
) -> None:
    script = Script(connecting=list(connecting), looks=list(looks))

    def stop() -> None:
        script.stop.set()

    outcomes: list[Outcome] = [stop if one is STOP else one for one in measuring]  # type: ignore[misc]
    script.measuring = outcomes
    lane = played(script)
    settled = [one.key for one in script.settled]
    assert len(set(settled)) == len(settled)
    assert sorted(settled + [one.key for one in lane.left], key=str) == sorted(KEYS, key=str)
    if not script.stop.is_set():
        assert lane.left == []
    assert max(map(script.attempts.count, KEYS), default=0) <= 2
    assert len(set(script.answered)) == len(script.answered), "a cell that was measured is not measured again"
    assert set(settled) <= set(script.begun) or any(device.failure for device in script.devices)
