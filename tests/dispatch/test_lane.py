"""A lane: every cell is settled exactly once, whatever device, link and code of ours do; unless it is stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.health import HealthPlan
from harness.dispatch.lane import BACK_OFF_S, Lane
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.evidence import CellEvidence, Failure, Health
from tests.dispatch.builders import LOST, job, key, measured
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


def test_a_busy_device_is_waited_for_as_long_as_was_asked_unless_the_run_ends(played: Play) -> None:
    script = Script()
    played(script)
    assert (script.patience.limit_s, script.patience.stopped()) == (77.0, False)
    script.stop.set()
    assert script.patience.stopped()


def test_cells_of_a_run_that_ends_while_it_waits_stay_open(played: Play) -> None:
    """They were not refused: the next --resume measures them."""
    script = Script()

    def ended() -> Exception:
        script.stop.set()
        return DeviceError(Code.DEVICE_BUSY, "held")

    script.connecting = [ended()]
    lane = played(script)
    assert (script.settled, len(lane.left)) == ([], len(JOBS))


def test_a_device_that_stays_busy_costs_its_cells_only(played: Play) -> None:
    script = Script(connecting=[DeviceError(Code.DEVICE_BUSY, "held")])
    played(script)
    assert script.codes() == ["device-busy"] * len(JOBS)


def test_what_was_sent_is_counted_over_all_sessions(played: Play) -> None:
    """The sessions of the script send 1, 2 and 3 bytes."""
    script = Script(measuring=[None, gone(), None, gone()])
    played(script)
    assert [device.sent_bytes for device in script.devices] == [1, 1 + 2, 1 + 2 + 3, 1 + 2 + 3]


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


def test_the_device_is_looked_at_before_and_after_each_cell(played: Play) -> None:
    looks = [Health(load1=float(number)) for number in range(2 * len(JOBS))]
    script = Script(looks=list(looks))
    played(script)
    assert [one.health for one in script.finished] == [tuple(looks[i : i + 2]) for i in range(0, len(looks), 2)]


def test_a_link_lost_in_the_look_after_a_cell_does_not_cost_what_was_measured(played: Play) -> None:
    # The link is gone, so the next cell notices; but the one that was measured is never measured again.
    script = Script(looks=[Health(load1=1.0), gone(), gone()])
    played(script)
    assert script.attempts == KEYS
    assert script.settled == [measured(one) for one in KEYS]
    assert script.finished[0].health == (Health(load1=1.0),)
    assert (script.opened, script.slept) == (2, [BACK_OFF_S])


def test_a_device_that_fails_in_the_look_after_a_cell_is_no_failed_cell(played: Play) -> None:
    script = Script(looks=[Health(), DeviceError(Code.PROTOCOL, "makes no sense")])
    played(script)
    assert (script.attempts, script.codes(), script.opened) == (KEYS, [None] * 4, 1)


def test_a_link_lost_in_the_look_before_a_cell_is_tried_again(played: Play) -> None:
    script = Script(looks=[gone(), Health(), Health(), gone(), gone()])
    played(script)
    # The first cell lost its look once, the second twice: only that one is an error, and it was never begun.
    assert script.codes() == [None, "connection-lost", None, None]
    assert script.attempts == [KEYS[0], *KEYS[2:]]


def test_links_lost_after_every_cell_measure_each_once(played: Play) -> None:
    script = Script(looks=[look for _ in JOBS for look in (Health(), gone(), gone())])
    played(script)
    assert script.attempts == KEYS
    assert script.codes() == [None] * 4


def test_a_device_that_stays_too_hot_costs_the_cell_and_is_looked_at_again_for_the_next(played: Play) -> None:
    hot, cool = Health(temperatures={"cpu": 90.0}), Health(temperatures={"cpu": 50.0})
    script = Script(looks=[hot, cool, cool], plan=HealthPlan(max_start_temp_c=70.0, wait_s=0.0))
    played(script)
    assert script.codes() == ["device-unfit", None, None, None]
    assert script.attempts == KEYS[1:]


def test_a_device_that_fails_again_and_again_is_set_aside(played: Play) -> None:
    crash = DeviceError(Code.CHILD_CRASHED, "SIGILL")
    script = Script(measuring=[crash, crash, None], plan=HealthPlan(set_aside_after=2))
    played(script)
    assert script.codes() == ["child-crashed", "child-crashed", "device-set-aside", "device-set-aside"]
    assert script.attempts == KEYS[:2]
    assert (script.devices[-1].failure or Failure.of(LOST)).message == (
        "2 cells in a row failed, the last with child-crashed: SIGILL"
    )


def test_one_that_fails_now_and_then_is_not(played: Play) -> None:
    crash = DeviceError(Code.CHILD_CRASHED, "SIGILL")
    script = Script(measuring=[crash, None, crash, None], plan=HealthPlan(set_aside_after=2))
    played(script)
    assert script.codes() == ["child-crashed", None, "child-crashed", None]


def test_a_link_that_breaks_in_every_cell_sets_the_device_aside(played: Play) -> None:
    """Each cell may lose its link once; two cells that lost it twice are two failures in a row."""
    script = Script(measuring=[gone() for _ in range(4)], plan=HealthPlan(set_aside_after=2))
    played(script)
    assert script.codes() == ["connection-lost", "connection-lost", "device-set-aside", "device-set-aside"]


def test_what_cannot_be_run_there_says_what_could_be(played: Play) -> None:
    none = DeviceError(Code.NO_WHEEL, "MNN 3.1.0 has no wheel.", "Ask for MNN 3.6.1.")
    script = Script(measuring=[none, DeviceError(Code.NO_BACKEND, "There is no OpenCL.")])
    played(script)
    assert [one.unsupported for one in script.finished[:2]] == [
        "MNN 3.1.0 has no wheel. Ask for MNN 3.6.1.",
        "There is no OpenCL.",
    ]


def test_what_cannot_be_run_there_is_no_failure_of_the_device(played: Play) -> None:
    none = DeviceError(Code.NO_BACKEND, "none")
    script = Script(measuring=[none] * 4, plan=HealthPlan(set_aside_after=2))
    played(script)
    assert script.codes() == [None] * 4
