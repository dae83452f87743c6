"""The ledger: what gateways tell is kept and shown; what a lost gateway leaves is settled."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from harness.dispatch.arrays import ArrayStore, npy_digest
from harness.dispatch.cluster import Remote
from harness.dispatch.events import CellFinished, CellStarted, DeviceReady, Progress
from harness.dispatch.gateway import GatewayEvent, LaneDone, Saved
from harness.dispatch.journal import Journal, read_journal
from harness.dispatch.ledger import Ledger, Listener, farewell, serve
from harness.errors import Code, FarmError, Problem
from harness.evidence import CellEvidence
from tests.dispatch.builders import begun, failed, finished, floats, job, key, measured, ready
from tests.fleet.wires import PATIENCE_S

LOST = FarmError(Code.GATEWAY_LOST, "the actor died")


class Heard(Listener):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def happened(self, event: CellFinished | CellStarted | DeviceReady | Progress) -> None:
        self.events.append(event)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Journal(tmp_path)) as journal:
        yield Ledger(Heard(), journal, ArrayStore(tmp_path))


def heard(ledger: Ledger) -> list[object]:
    assert isinstance(ledger.listener, Heard)
    return ledger.listener.events


def cells(folder: Path) -> list[CellEvidence]:
    return [event.evidence for event in read_journal(folder) if isinstance(event, CellFinished)]


def test_events_are_journalled_and_shown_in_order(ledger: Ledger, tmp_path: Path) -> None:
    events: list[GatewayEvent] = [ready(sent_bytes=7), begun(), finished(measured(key()))]
    ledger.take(events)
    assert heard(ledger) == events == list(read_journal(tmp_path))


def test_progress_is_shown_and_never_journalled(ledger: Ledger, tmp_path: Path) -> None:
    event = Progress(device="a76", text="sending", done=1, total=2, unit="bytes")
    ledger.take([event])
    assert heard(ledger) == [event]
    assert list(read_journal(tmp_path)) == []


def test_arrays_are_kept_before_the_cell_that_names_them(ledger: Ledger, tmp_path: Path) -> None:
    array = floats(2, 3)
    digest = npy_digest(array)
    ledger.take([Saved(digest, array), finished(measured(key(), outputs=digest))])
    (cell,) = cells(tmp_path)
    assert cell.outputs is not None
    assert np.array_equal(ArrayStore(tmp_path).load(cell.outputs), array)


def test_what_was_measured_and_sent_is_counted(ledger: Ledger) -> None:
    nothing = CellEvidence(key=key("int8"), unsupported="no wheel")
    ledger.take([finished(measured(key())), finished(failed(key("fp16"))), finished(nothing)])
    assert ledger.measured == 1
    ledger.take([ready(sent_bytes=100), ready(sent_bytes=250), ready(name="a53", sent_bytes=9)])
    assert ledger.sent_bytes == 259


def test_a_site_is_busy_until_all_its_lanes_are_done(ledger: Ledger) -> None:
    ledger.begin("a76", "lab", [job("fp32")])
    ledger.begin("a53", "lab", [job("fp32", device="a53")])
    assert ledger.busy("lab")
    assert not ledger.busy("elsewhere")
    ledger.take([finished(measured(key())), LaneDone("a76")])
    assert ledger.busy("lab")
    ledger.take([LaneDone("a53")])
    assert not ledger.busy("lab")


def test_a_lost_site_settles_what_it_had_still_to_do_and_only_that(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin("a76", "lab", [job("fp32"), job("fp16")])
    ledger.begin("a53", "lab", [job("fp32", device="a53")])
    ledger.begin("far", "elsewhere", [job("fp32", device="far")])
    ledger.take([finished(measured(key("fp32")))])
    ledger.lose("lab", LOST)
    problem = Problem(Code.GATEWAY_LOST, "the actor died")
    assert cells(tmp_path) == [
        measured(key("fp32")),
        failed(key("fp16"), problem).model_copy(update={"variant": "f" * 64}),
        failed(key("fp32", "a53"), problem).model_copy(update={"variant": "f" * 64}),
    ]
    assert not ledger.busy("lab")
    assert ledger.busy("elsewhere")
    ledger.lose("lab", LOST)
    assert len(cells(tmp_path)) == 3


class Scripted:
    """A gateway that gives one portion of events a poll, then fails."""

    def __init__(self, *portions: list[GatewayEvent]) -> None:
        self._portions = list(portions)
        self.polls = 0

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        assert 0 < wait_s <= 0.5
        self.polls += 1
        if not self._portions:
            raise LOST
        return self._portions.pop(0)


def serving(ledger: Ledger, **gateways: Scripted) -> None:
    serve(cast(dict[str, Remote], gateways), ledger)


def test_gateways_are_asked_in_turn_until_their_lanes_are_done(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin("a76", "lab", [job("fp32")])
    ledger.begin("far", "away", [job("fp32", device="far")])
    lab = Scripted([], [finished(measured(key())), LaneDone("a76")])
    away = Scripted([], [], [], [finished(measured(key(device="far"))), LaneDone("far")])
    idle = Scripted()
    serving(ledger, lab=lab, away=away, idle=idle)
    assert (lab.polls, away.polls, idle.polls) == (2, 4, 0)
    assert {cell.key.device for cell in cells(tmp_path)} == {"a76", "far"}


def test_a_gateway_that_is_lost_does_not_end_the_others(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin("a76", "lab", [job("fp32")])
    ledger.begin("far", "away", [job("fp32", device="far")])
    away = Scripted([], [], [finished(measured(key(device="far"))), LaneDone("far")])
    serving(ledger, lab=Scripted([]), away=away)
    found = {cell.key.device: cell.failure and cell.failure.code for cell in cells(tmp_path)}
    assert found == {"a76": Code.GATEWAY_LOST, "far": None}


class Frozen(Scripted):
    """A gateway that does not answer until it is let, and then fails as one that was waited for in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        assert self.let.wait(PATIENCE_S)
        return super().poll(wait_s)


def test_a_gateway_that_does_not_answer_keeps_no_other_waiting(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin("a76", "lab", [job("fp32")])
    ledger.begin("far", "away", [job("fp32", device="far")])
    frozen = Frozen()

    class Away(Scripted):
        def poll(self, wait_s: float) -> list[GatewayEvent]:
            if len(self._portions) == 1:
                assert cells(tmp_path) == []
                frozen.let.set()  # not before all others of its answers were taken
            return super().poll(wait_s)

    away = Away([], [], [], [finished(measured(key(device="far"))), LaneDone("far")])
    serving(ledger, lab=frozen, away=away)
    found = {cell.key.device: cell.failure and cell.failure.code for cell in cells(tmp_path)}
    assert found == {"a76": Code.GATEWAY_LOST, "far": None}
    assert (frozen.polls, away.polls) == (1, 4)


def test_what_was_handed_over_when_the_run_is_interrupted_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    """The coordinator is interrupted while it keeps one gateway's events and another's are on their way."""
    ledger.begin("a76", "lab", [job("fp32")])
    ledger.begin("far", "away", [job("fp32", device="far")])
    interrupted = threading.Event()

    class Interrupting(Scripted):
        def poll(self, wait_s: float) -> list[GatewayEvent]:
            assert wait_s > 0
            return _Interrupt(interrupted)

    class Late(Scripted):
        def poll(self, wait_s: float) -> list[GatewayEvent]:
            assert interrupted.wait(PATIENCE_S)
            return super().poll(wait_s)

    late = Late([finished(measured(key(device="far"))), LaneDone("far")])
    with pytest.raises(KeyboardInterrupt):
        serving(ledger, lab=Interrupting(), away=late)
    assert [cell.key.device for cell in cells(tmp_path)] == ["far"]


class _Interrupt(list[GatewayEvent]):
    """Events at the sight of which somebody presses Ctrl-C."""

    def __init__(self, noted: threading.Event) -> None:
        super().__init__()
        self._noted = noted

    def __iter__(self) -> Iterator[GatewayEvent]:
        self._noted.set()
        raise KeyboardInterrupt


class Stopping(Scripted):
    """A gateway that is being stopped; `met` is where all of them meet."""

    def __init__(self, met: threading.Barrier, *portions: list[GatewayEvent]) -> None:
        super().__init__(*portions, [])
        self._met = met

    def stop(self, wait_s: float) -> None:
        assert wait_s == 7.0
        self._met.wait(PATIENCE_S)

    def poll(self, wait_s: float) -> list[GatewayEvent]:
        assert wait_s == 0.0
        return self._portions.pop(0)


def test_all_gateways_are_stopped_at_once_and_their_last_words_kept(ledger: Ledger, tmp_path: Path) -> None:
    """None is asked for events while another one's lanes end, so one after the other they would be lost."""
    met = threading.Barrier(3)

    class Gone(Stopping):
        def stop(self, wait_s: float) -> None:
            super().stop(wait_s)
            raise LOST

    lab = Stopping(met, [finished(measured(key("fp32")))], [finished(measured(key("fp16")))])
    away = Stopping(met, [finished(measured(key(device="far")))])
    farewell(cast(dict[str, Remote], {"lab": lab, "gone": Gone(met), "away": away}), ledger, 7.0)
    assert [(cell.key.device, cell.key.precision) for cell in cells(tmp_path)] == [
        ("a76", "fp32"),
        ("a76", "fp16"),
        ("far", "fp32"),
    ]
