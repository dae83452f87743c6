"""A gateway: events in order, lanes that end or are stopped, and a coordinator that is gone."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import __version__
from harness.dispatch.events import CellFinished, Progress
from harness.dispatch.gateway import ABANDONED_S, Assignment, Gateway, GatewayEvent, LaneDone, Saved
from harness.dispatch.lane import Lane
from harness.errors import Code
from tests.dispatch.builders import BOARD, floats, job, measured
from tests.fleet.wires import PATIENCE_S, HandClock

JOBS = (job("fp32"), job("fp16"))


def gateway(
    folder: Path, clock: Callable[[], float] = time.monotonic, leave: Callable[[], None] | None = None
) -> Gateway:
    return Gateway(
        Assignment(run="run-1", holder="me@here", wheel_cache=folder),
        blobs=str.encode,
        digest=lambda array: f"digest of {array.size}",
        clock=clock,
        leave=leave or (lambda: None),
    )


def doing(monkeypatch: pytest.MonkeyPatch, what: Callable[[Lane], None]) -> None:
    monkeypatch.setattr(Lane, "run", what)


def all_events(of: Gateway, until: int = 1) -> list[GatewayEvent]:
    """Poll until so many lanes are done."""
    found: list[GatewayEvent] = []
    deadline = time.monotonic() + PATIENCE_S
    while sum(isinstance(event, LaneDone) for event in found) < until:
        assert time.monotonic() < deadline, found
        found += of.poll(0.05)
    return found


def test_nothing_happens_until_something_does(tmp_path: Path) -> None:
    of = gateway(tmp_path)
    began = time.monotonic()
    assert of.poll(0.0) == []
    assert of.poll(0.05) == []
    assert 0.04 < time.monotonic() - began < PATIENCE_S


def test_a_lanes_events_come_in_order_and_its_end_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(lane: Lane) -> None:
        for one in lane.jobs:
            digest = lane.save(floats(one.images))
            lane.emit(CellFinished(at="", evidence=measured(one.key, outputs=digest)))

    doing(monkeypatch, run)
    of = gateway(tmp_path)
    of.start(BOARD, list(JOBS))
    events = all_events(of)
    # An array travels ahead of the cell that names it.
    kinds = [type(event) for event in events]
    assert kinds == [Saved, CellFinished, Saved, CellFinished, LaneDone]
    assert [event.digest for event in events if isinstance(event, Saved)] == ["digest of 35"] * 2
    assert [e.evidence.outputs for e in events if isinstance(e, CellFinished)] == ["digest of 35"] * 2
    assert events[-1] == LaneDone("a76")


def test_its_lanes_share_what_is_fetched_and_built_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Lane] = []

    def run(lane: Lane) -> None:
        seen.append(lane)

    doing(monkeypatch, run)
    of = gateway(tmp_path)
    of.start(BOARD, JOBS)
    of.start(BOARD.model_copy(update={"name": "a72"}), JOBS)
    all_events(of, until=2)
    one, other = seen
    assert one.services.wheels is other.services.wheels
    assert one.services.archive is other.services.archive


def test_many_events_come_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(lane: Lane) -> None:
        for number in range(450):
            lane.emit(Progress(device="a76", text="sending", done=number))

    doing(monkeypatch, run)
    of = gateway(tmp_path)
    of.start(BOARD, JOBS)
    of.stop(PATIENCE_S)
    portions = [of.poll(0.0) for _ in range(4)]
    assert [len(portion) for portion in portions] == [200, 200, 51, 0]
    numbers = [event.done for portion in portions for event in portion if isinstance(event, Progress)]
    assert numbers == list(range(450))


def test_a_lane_that_dies_settles_what_it_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(lane: Lane) -> None:
        lane.left = list(lane.jobs)
        lane._settle(lane.jobs[0], measured(lane.jobs[0].key))
        raise ZeroDivisionError("by zero")

    doing(monkeypatch, run)
    of = gateway(tmp_path)
    of.start(BOARD, JOBS)
    first, second, done = all_events(of)
    assert isinstance(first, CellFinished)
    assert isinstance(second, CellFinished)
    assert first.evidence.failure is None
    assert second.evidence.key == JOBS[1].key
    assert second.evidence.failure is not None
    assert second.evidence.failure.code is Code.INTERNAL
    assert done == LaneDone("a76")


def test_lanes_run_side_by_side_and_are_stopped_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def run(lane: Lane) -> None:
        both.wait(PATIENCE_S)
        assert lane.stop.wait(PATIENCE_S)

    doing(monkeypatch, run)
    of = gateway(tmp_path)
    for name in ("one", "two"):
        of.start(BOARD.model_copy(update={"name": name}), JOBS)
    of.stop(PATIENCE_S)
    events = all_events(of, until=2)
    assert {event.device for event in events if isinstance(event, LaneDone)} == {"one", "two"}
    assert not any(isinstance(event, CellFinished) for event in events)


def test_a_lane_that_does_not_stop_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def run(lane: Lane) -> None:
        assert not lane.left
        release.wait(PATIENCE_S)

    doing(monkeypatch, run)
    of = gateway(tmp_path)
    of.start(BOARD, JOBS)
    began = time.monotonic()
    of.stop(0.05)
    assert time.monotonic() - began < PATIENCE_S / 2
    release.set()


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.sleep
    monkeypatch.setattr("harness.dispatch.gateway.time.sleep", lambda _: real(0.005))


@pytest.mark.usefixtures("quick_watch")
def test_without_a_coordinator_the_devices_are_freed_and_the_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    left = threading.Event()

    def run(lane: Lane) -> None:
        assert lane.stop.wait(PATIENCE_S)
        order.append("stopped")

    def leave() -> None:
        order.append("left")
        left.set()

    doing(monkeypatch, run)
    clock = HandClock()
    of = gateway(tmp_path, clock, leave)
    assert of.hello() == {"harness": __version__, "pid": str(os.getpid())}
    # While other sites' gateways are started nobody asks, and nothing is held.
    clock.now += 10 * ABANDONED_S
    time.sleep(0.05)
    assert not left.is_set()
    of.start(BOARD, JOBS)
    for _ in range(5):
        clock.now += ABANDONED_S - 0.1
        of.poll(0.0)
        time.sleep(0.005)
        assert not left.is_set()
    clock.now += ABANDONED_S + 0.1
    assert left.wait(PATIENCE_S)
    assert order == ["stopped", "left"]


@pytest.mark.usefixtures("quick_watch")
def test_a_coordinator_that_waits_for_the_end_of_lanes_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, left = threading.Event(), threading.Event()

    def run(lane: Lane) -> None:
        assert release.wait(PATIENCE_S)
        lane.emit(CellFinished(at="", evidence=measured(lane.jobs[0].key)))

    doing(monkeypatch, run)
    clock = HandClock()
    of = gateway(tmp_path, clock, left.set)
    of.start(BOARD, JOBS)
    stopping = threading.Thread(target=of.stop, args=(3 * ABANDONED_S,), daemon=True)
    stopping.start()
    assert of._stop.wait(PATIENCE_S)
    time.sleep(0.02)
    clock.now += 2 * ABANDONED_S
    time.sleep(0.05)
    assert not left.is_set()
    release.set()
    stopping.join(PATIENCE_S)
    assert [type(event) for event in all_events(of)] == [CellFinished, LaneDone]
    clock.now += 4 * ABANDONED_S + 0.1
    assert left.wait(PATIENCE_S)
