"""In a run in which nothing happened no fault is proven; each proof holds once its own thing has happened."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from harness.emulator.board import Board
from tests.boards import RunningFleet
from tests.chaos import proofs, strikes
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.proofs import Proof
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene


def scene(folder: Path, port: int = 9) -> Scene:
    """A device whose board does not run."""
    home = folder / "home"
    board = Board("a76", "cortex-a76", "cortex-a76", "7.2", port, "farm", home, "", home, home, 1, 1, uuid4().hex)
    return Scene("device", RunningFleet(folder, folder, {"a76": board}, -1), board, Proxy(port))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("connections", [0, 1, 2])
def test_where_nothing_happened_no_fault_is_proven(fault: Fault, connections: int, tmp_path: Path) -> None:
    of = scene(tmp_path)
    of.workdir.mkdir(parents=True)
    of.proxy.connections, of.proxy.moved = connections, 100_000 * connections
    assert fault.unproven(of) != ()


def _planted(of: Scene) -> None:
    of.mark.parent.mkdir(parents=True)
    of.mark.touch()


def _thawed(of: Scene) -> None:
    of.proxy.freeze()
    of.proxy.thaw()


def _dialled(change: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def happen(of: Scene) -> None:
        change(of)
        of.proxy.connections += 1

    return happen


@pytest.mark.parametrize(
    ("proof", "happen"),
    [
        (proofs.SIGNALLED, lambda of: setattr(of, "struck", 1)),
        (proofs.PLANTED, _planted),
        (proofs.CUT, lambda of: setattr(of.proxy, "cuts", 1)),
        (proofs.CAME_BACK, lambda of: setattr(of.proxy, "connections", 2)),
        (proofs.STAYED, lambda of: setattr(of.proxy, "connections", 1)),
        (proofs.STALLED, lambda of: setattr(of.proxy, "freezes", 1)),
        (proofs.FROZEN, lambda of: of.proxy.freeze()),
        (proofs.FLIPPED, lambda of: setattr(of.proxy, "flips", 1)),
        (proofs.NO_BANNER, _dialled(strikes.nothing)),
        (proofs.slowed(2.0), lambda of: setattr(of.proxy, "slept_s", 2.0)),
        (proofs.noted("seen"), lambda of: of.notes.add("seen")),
        (proofs.entered_with("host_key"), _dialled(strikes.other_host_key)),
        (proofs.entered_with("identity_file"), _dialled(strikes.strange_key)),
        (proofs.REFUSED, strikes.refusing),
        (proofs.READ_ONLY, _dialled(strikes.read_only)),
    ],
    ids=lambda one: one.what if isinstance(one, Proof) else "",
)
def test_a_proof_holds_once_its_own_thing_has_happened(
    proof: Proof, happen: Callable[[Scene], None], tmp_path: Path
) -> None:
    of = scene(tmp_path)
    assert not proof.holds(of)
    happen(of)
    assert proof.holds(of)


def test_a_network_that_is_still_frozen_has_not_thawed(tmp_path: Path) -> None:
    of = scene(tmp_path)
    of.proxy.freeze()
    assert not proofs.THAWED.holds(of)
    of.proxy.thaw()
    assert proofs.THAWED.holds(of)


def test_a_port_at_which_somebody_listens_is_not_refused(tmp_path: Path) -> None:
    of = scene(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        of.changes["port"] = server.getsockname()[1]
        assert not proofs.REFUSED.holds(of)


def test_signals_are_counted_where_somebody_got_them(tmp_path: Path) -> None:
    of = scene(tmp_path)
    of.signal([], 0)
    of.signal([1 << 22], 0)  # beyond the largest pid there is
    assert of.struck == 0
    of.signal([1 << 22, os.getpid()], 0)
    assert of.struck == 1


def test_a_strike_at_nobody_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = scene(tmp_path)
    monkeypatch.setattr(strikes, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    strikes.child(signal.SIGKILL)(of)
    strikes.agent(signal.SIGKILL)(of)
    strikes.reboot(of)
    assert not proofs.SIGNALLED.holds(of)
    assert not proofs.CUT.holds(of)
    of.proxy.close()


def test_a_store_that_was_not_there_cannot_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    of = scene(tmp_path)
    strikes.reinstall(of)
    assert of.notes == set()
    of.workdir.mkdir(parents=True)
    strikes.reinstall(of)
    assert of.notes == {strikes.STORE_GONE}
    of.proxy.close()


def test_thawing_again_is_a_freeze_that_happened_only_with_a_connection_up(tmp_path: Path) -> None:
    of = scene(tmp_path)
    _thawed(of)
    assert not proofs.STALLED.holds(of)
