"""A lane: every cell is settled exactly once, whatever device, link and code of ours do; unless it is stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.dispatch.lane import BACK_OFF_S, Lane
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.evidence import CellEvidence
from tests.dispatch.builders import job, key, measured
from tests.dispatch.lanes import Script, play

NAMES = ("fp32", "fp16", "bf16", "w8")
JOBS = tuple(job(name) for name in NAMES)
KEYS = [key(name) for name in NAMES]

Play = Callable[[Script], Lane]


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return lambda script: play(script, JOBS, tmp_path, monkeypatch)


def gone() -> TransportError:
    return TransportError(Code.CONNECTION_LOST, "gone")


def silent() -> TransportError:
    return TransportError(Code.DEVICE_UNREACHABLE, "no answer")


def test_all_goes_well(played: Play) -> None:
    script = Script()
    lane = played(script)
    assert script.settled == [measured(one) for one in KEYS]
    assert script.begun == script.attempts == KEYS
    assert (script.opened, script.slept, lane.left) == (1, [], [])
    assert [device.facts for device in script.devices] == [{"session": 1}] * 2


@pytest.mark.parametrize(
    "error",
    [
        DeviceError(Code.CHILD_CRASHED, "crash"),
        DeviceError(Code.CELL_TIMEOUT, "hung"),
        FarmError(Code.MACHINE_NOT_READY, "pip"),
        KeyError("batch"),
    ],
)
def test_a_failure_in_one_cell_leaves_the_others_alone(played: Play, error: Exception) -> None:
    script = Script(measuring=[None, error])
    played(script)
    code = error.problem.code.value if isinstance(error, FarmError) else "internal"
    assert script.codes() == [None, code, None, None]
    assert script.attempts == KEYS  # nothing is tried twice
    assert script.opened == 1


@pytest.mark.parametrize("code", [Code.NO_WHEEL, Code.NO_BACKEND])
def test_what_has_no_wheel_or_backend_is_unsupported(played: Play, code: Code) -> None:
    script = Script(measuring=[DeviceError(code, "there is none")])
    played(script)
    expected = CellEvidence(key=KEYS[0], unsupported="there is none", variant="f" * 64)
    assert script.settled == [expected, *(measured(one) for one in KEYS[1:])]


def test_a_lost_link_is_taken_up_again_where_it_was(played: Play) -> None:
    script = Script(measuring=[None, gone()])
    played(script)
    assert script.codes() == [None] * 4
    assert script.attempts == [KEYS[0], KEYS[1], *KEYS[1:]]
    assert script.opened == 2
    assert script.slept == [BACK_OFF_S]


def test_a_cell_that_is_lost_twice_is_an_error_and_the_next_one_is_tried(played: Play) -> None:
    script = Script(measuring=[gone(), gone()])
    played(script)
    assert script.codes() == ["connection-lost", None, None, None]
    assert script.attempts == [KEYS[0], *KEYS]
    assert script.opened == 3


def test_each_cell_may_lose_its_link_once(played: Play) -> None:
    script = Script(measuring=[gone(), None, gone(), None, gone(), None, gone(), None])
    played(script)
    assert script.codes() == [None] * 4
    assert script.opened == 5


def test_a_device_that_does_not_answer_is_waited_for_longer_and_longer(played: Play) -> None:
    script = Script(connecting=[silent(), silent()])
    played(script)
    assert script.codes() == [None] * 4
    assert script.slept == [2 * BACK_OFF_S, 4 * BACK_OFF_S]


def test_a_device_that_never_answers_is_an_error_in_all_its_cells(played: Play) -> None:
    script = Script(connecting=[silent() for _ in range(9)])
    played(script)
    assert script.codes() == ["device-unreachable"] * 4
    assert len(script.slept) == 2
    (device,) = script.devices
    assert device.failure is not None
    assert device.failure.code is Code.DEVICE_UNREACHABLE
    assert script.begun == []


def test_progress_makes_earlier_losses_forgotten(played: Play) -> None:
    script = Script(connecting=[silent(), silent(), None], measuring=[None, gone()])
    played(script)
    assert script.codes() == [None] * 4


@pytest.mark.parametrize(
    "code", [Code.HOST_KEY_CHANGED, Code.AUTHENTICATION_FAILED, Code.DEVICE_BUSY, Code.PYTHON_MISSING, Code.DISK_FULL]
)
def test_what_does_not_pass_is_not_tried_again(played: Play, code: Code) -> None:
    script = Script(connecting=[FarmError(code, "no")])
    played(script)
    assert script.codes() == [code.value] * 4
    assert (script.opened, script.slept) == (0, [])


def test_a_defect_while_connecting_is_told_in_every_cell(played: Play) -> None:
    script = Script(connecting=[ZeroDivisionError("by zero")])
    played(script)
    assert script.codes() == ["internal"] * 4
    assert all("ZeroDivisionError" in one.failure.message for one in script.settled if one.failure)


def test_a_stop_leaves_the_rest_unsettled(played: Play) -> None:
    script = Script()

    def stop() -> None:
        script.stop.set()

    script.measuring = [None, stop]
    lane = played(script)
    assert [one.key for one in script.settled] == KEYS[:2]
    assert [one.key for one in lane.left] == KEYS[2:]
    assert script.devices[-1].failure is None


def test_a_stop_within_a_cell_leaves_it_unsettled(played: Play) -> None:
    script = Script()

    def interrupted() -> None:
        script.stop.set()
        raise FarmError(Code.INTERRUPTED, "within the cell")

    script.measuring = [None, interrupted]
    lane = played(script)
    assert [one.key for one in script.settled] == KEYS[:1]
    assert [one.key for one in lane.left] == KEYS[1:]


def test_a_lane_that_is_stopped_before_it_begins_touches_nothing(played: Play) -> None:
    script = Script()
    script.stop.set()
    lane = played(script)
    assert (script.events, script.opened, len(lane.left)) == ([], 0, 4)


def test_an_interrupt_that_nobody_asked_for_is_an_error(played: Play) -> None:
    # Without a stop there would be no second event: the cell must not vanish.
    script = Script(measuring=[FarmError(Code.INTERRUPTED, "says who?")])
    played(script)
    assert script.codes() == ["interrupted", None, None, None]
