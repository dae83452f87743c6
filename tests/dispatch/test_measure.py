"""One cell on a device: what is asked, in which order, within which deadline, and that it is always closed."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from harness.config.inventory import Deadlines
from harness.dispatch.arrays import npy_digest
from harness.dispatch.jobs import CellJob
from harness.dispatch.measure import Save, measure
from harness.dispatch.stopping import TO_THE_END, Enough, Stopping
from harness.errors import Blame, Code, DeviceError, FarmError, TransportError
from harness.evidence import CellEvidence, Probe, RawTiming
from harness.fleet.client import FloatArray
from harness.fleet.deadline import GRACE_S
from tests.dispatch.builders import BOARD, job
from tests.dispatch.sessions import FakeAgent, Reports, services, session

CELL = job("fp16", counts=(4, 2))
EXPECTED = [[0, row, 4] for row in range(4)] + [[1, row, 2] for row in range(2)]


def run(
    agent: FakeAgent,
    folder: Path,
    *,
    cell: CellJob = CELL,
    took: bool | None = True,
    stop: threading.Event | None = None,
    save: Save = npy_digest,
    cell_s: float = 600.0,
    reports: Reports | None = None,
    stopping: Stopping = TO_THE_END,
) -> CellEvidence:
    device = BOARD.model_copy(update={"deadlines": Deadlines(cell_s=cell_s), "cpus": (4, 5), "threads": 2})
    open_session = session(agent, services(folder, agent.clock), device, reports)

    def took_effect(asked: CellJob, probe: Probe, facts: dict[str, object]) -> bool | None:
        assert (asked, probe, facts["isa"]) == (cell, Probe(tensors=7), ["fp16"])
        return took

    return measure(
        open_session, cell, took_effect=took_effect, save=save, stop=stop or threading.Event(), stopping=stopping
    )  # fmt: skip


@dataclass
class Asked:
    """A rule that always says the same, and remembers what it was asked and told."""

    answer: Enough | None
    asked: list[tuple[CellJob, list[list[float]], list[int]]] = field(default_factory=list)
    told: list[tuple[CellJob, list[list[float]], list[int]]] = field(default_factory=list)

    def enough(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> Enough | None:
        self.asked.append((job, outputs.tolist(), list(looks)))
        return self.answer

    def measured(self, job: CellJob, outputs: FloatArray, looks: Sequence[int]) -> None:
        self.told.append((job, outputs.tolist(), list(looks)))


def test_a_cell_that_is_certain_ends_at_that_look(tmp_path: Path) -> None:
    agent, twin = FakeAgent(), CELL.key.model_copy(update={"device": "another"})
    stopping = Asked(Enough("PASS by its answers", twin))
    found = run(agent, tmp_path, stopping=stopping)
    assert stopping.asked == stopping.told == [(CELL, EXPECTED[:4], [4])]
    assert (found.images, found.looks, found.stopped_early) == (4, (4,), False)
    assert (found.enough, found.same_as) == ("PASS by its answers, after 4 of 6 images", twin)
    assert found.outputs == npy_digest(np.array(EXPECTED[:4], np.float32))
    assert agent.calls[-2:] == ["time", "close"]
    assert "0" * 63 + "1" not in agent.held  # the batch that nobody needs was not sent


def test_at_the_last_image_nobody_asks_but_all_is_told(tmp_path: Path) -> None:
    stopping = Asked(None)
    found = run(FakeAgent(), tmp_path, stopping=stopping)
    assert stopping.asked == [(CELL, EXPECTED[:4], [4])]
    assert stopping.told == [(CELL, EXPECTED, [4, 6])]
    assert (found.images, found.looks, found.enough, found.same_as) == (6, (4, 6), "", None)


def test_a_cell_that_ends_badly_is_not_told(tmp_path: Path) -> None:
    """What failed while it was timed is an error, and nobody may share it."""
    stopping = Asked(Enough("PASS by its answers"))
    with pytest.raises(FarmError):
        run(FakeAgent(failures={("time", 1): FarmError(Code.INFERENCE_FAILED, "no")}), tmp_path, stopping=stopping)
    assert (len(stopping.asked), stopping.told) == (1, [])


def test_a_precision_that_did_not_take_effect_is_not_told(tmp_path: Path) -> None:
    stopping = Asked(None)
    run(FakeAgent(), tmp_path, took=False, stopping=stopping)
    assert (stopping.asked, stopping.told) == ([], [])


def test_a_precision_that_may_not_have_taken_effect_is_measured_and_not_told(tmp_path: Path) -> None:
    """It gets no verdict, so a cell that waited for its verdict would get none either."""
    stopping = Asked(None)
    found = run(FakeAgent(), tmp_path, took=None, stopping=stopping)
    assert (found.images, found.stopped_early, stopping.told) == (6, False, [])


def test_a_cell_is_measured_in_order_and_closed(tmp_path: Path) -> None:
    agent = FakeAgent(takes_s={"infer": 2.0, "open": 1.0})
    found = run(agent, tmp_path)
    sending = ["missing", "put", "engine", "missing", "put", "put"]
    assert agent.calls == [*sending, "open", "probe", "infer", "missing", "put", "infer", "time", "close"]
    assert found == CellEvidence(
        key=CELL.key,
        images=6,
        outputs=npy_digest(np.array(EXPECTED, np.float32)),
        output_name="logits",
        probe=Probe(tensors=7),
        timing=RawTiming(first_ms=3.0, samples_ms=(1.0,) * 10, output_unchanged=True),
        variant="f" * 64,
        looks=(4, 6),
        wall_s=5.0,
        max_rss_mb=80.5,
    )


def test_the_child_is_told_what_the_precision_means(tmp_path: Path) -> None:
    agent = FakeAgent()
    run(agent, tmp_path)
    (setup,) = agent.setups
    assert dict(setup.runtime) == {"backend": 0, "numThread": 2, "precision": 2, "memory": 0, "power": 0}
    assert (setup.engine, setup.model, setup.cpus, setup.hints) == ("3.6.1", "f" * 64, (4, 5), ())
    assert (setup.input_name, setup.output_name) == ("image", "logits")


def test_a_precision_not_in_effect_gets_one_sample(tmp_path: Path) -> None:
    agent = FakeAgent()
    found = run(agent, tmp_path, took=False)
    assert (found.images, found.stopped_early) == (1, True)
    assert found.outputs == npy_digest(np.array([[0, 0, 1]], np.float32))
    assert agent.calls.count("infer") == 1
    assert agent.calls[-2:] == ["time", "close"]
    assert "0" * 63 + "1" not in agent.held  # the second batch was not even sent


def test_progress_counts_images_and_bytes(tmp_path: Path) -> None:
    reports = Reports()
    run(FakeAgent(), tmp_path, reports=reports)
    images = [(done, total) for _, done, total, unit in reports.said if unit == "images"]
    assert images == [(0, 6), (4, 6), (6, 6)]
    sent = [(done, total) for _, done, total, unit in reports.said if unit == "bytes"]
    assert sent == [(5, 5), (64, 64), (64, 64), (64, 64)]


def test_what_is_on_the_device_is_not_sent_again(tmp_path: Path) -> None:
    agent = FakeAgent(held={"e" * 64, *CELL.objects(2)})
    run(agent, tmp_path)
    assert "put" not in agent.calls
    assert agent.sent_bytes == 0


@pytest.mark.parametrize("where", [("probe", 1), ("infer", 1), ("infer", 2), ("time", 1)])
@pytest.mark.parametrize(
    "error", [DeviceError(Code.CHILD_CRASHED, "crash"), TransportError(Code.CONNECTION_LOST, "gone"), KeyError("x")]
)
def test_the_cell_is_closed_whatever_fails(tmp_path: Path, where: tuple[str, int], error: Exception) -> None:
    agent = FakeAgent(failures={where: error})
    with pytest.raises(type(error)) as caught:
        run(agent, tmp_path, save=refuse)
    assert caught.value is error
    assert agent.calls.count("close") == 1


def refuse(array: object) -> str:
    raise AssertionError("a cell that failed has no evidence")


def test_a_cell_that_did_not_open_is_closed_too(tmp_path: Path) -> None:
    """Its child is still there, and would disturb the next cell."""
    agent = FakeAgent(failures={("open", 1): DeviceError(Code.MODEL_LOAD_FAILED, "no")})
    with pytest.raises(DeviceError):
        run(agent, tmp_path)
    assert agent.calls[-1] == "close"


def test_the_first_failure_is_the_one_that_is_told(tmp_path: Path) -> None:
    failures: dict[tuple[str, int], Exception] = {
        ("infer", 1): DeviceError(Code.OUT_OF_MEMORY, "oom"),
        ("close", 1): DeviceError(Code.CHILD_KILLED, "gone"),
    }
    with pytest.raises(DeviceError) as caught:
        run(FakeAgent(failures=failures), tmp_path)
    assert caught.value.problem.code is Code.OUT_OF_MEMORY


def test_what_was_measured_stands_if_closing_fails(tmp_path: Path) -> None:
    agent = FakeAgent(failures={("close", 1): TransportError(Code.CONNECTION_LOST, "gone")})
    found = run(agent, tmp_path)
    assert (found.images, found.max_rss_mb) == (6, None)


def test_an_interrupt_ends_the_cell_between_batches(tmp_path: Path) -> None:
    stop = threading.Event()
    agent = FakeAgent()
    first = agent.infer

    def infer_then_stop(*args: object, **kwargs: object) -> object:
        stop.set()
        return first(*args, **kwargs)  # type: ignore[arg-type]

    agent.infer = infer_then_stop  # type: ignore[method-assign, assignment]
    with pytest.raises(FarmError) as caught:
        run(agent, tmp_path, stop=stop)
    assert caught.value.problem.code is Code.INTERRUPTED
    assert agent.calls.count("infer") == 1
    assert agent.calls[-1] == "close"


def test_the_cells_time_begins_when_the_device_has_what_it_needs(tmp_path: Path) -> None:
    # Fetching wheels, starting an engine and sending a model are no fault of the cell's.
    agent = FakeAgent(takes_s={"engine": 200.0, "put": 40.0})
    run(agent, tmp_path, cell_s=60.0)
    (setup,) = agent.setups
    assert setup.deadline_s == 60.0


def test_the_device_gives_up_before_we_do(tmp_path: Path) -> None:
    # Else a hung cell looks like a lost connection, and is tried again for as long once more.
    agent = FakeAgent()
    run(agent, tmp_path, cell_s=60.0)
    (setup,) = agent.setups
    for name in ("open", "probe", "infer", "time"):
        assert agent.deadlines[name] > setup.deadline_s + 1.0, name


def test_more_of_its_batches_may_not_outlive_the_cell(tmp_path: Path) -> None:
    # The wheel, the model and the first batch may take what a transfer may take; the second batch is sent mid-cell.
    agent = FakeAgent(takes_s={"put": 40.0})
    with pytest.raises(TransportError) as caught:
        run(agent, tmp_path, cell_s=20.0)
    assert caught.value.problem.code is Code.CONNECTION_LOST
    assert agent.calls.count("put") == 4
    assert agent.deadlines["put"] == 20.0 + GRACE_S
    assert agent.calls[-1] == "close"


def test_what_is_left_of_a_cell_bounds_its_transfers(tmp_path: Path) -> None:
    agent = FakeAgent(takes_s={"infer": 12.0, "missing": 1.0})
    run(agent, tmp_path, cell_s=60.0)
    # At the second batch 12 seconds are gone, and 1 more for the question what is missing.
    assert agent.deadlines["put"] == 60.0 + GRACE_S - 13.0


def test_closing_is_within_the_cell_while_that_has_time(tmp_path: Path) -> None:
    agent = FakeAgent()
    run(agent, tmp_path, cell_s=600.0)
    assert agent.deadlines["close"] == 30.0
    agent = FakeAgent(takes_s={"time": 12.0})
    run(agent, tmp_path, cell_s=5.0)
    assert agent.deadlines["close"] == 5.0 + GRACE_S - 12.0


def test_closing_is_tried_when_the_cell_has_no_time_left(tmp_path: Path) -> None:
    late = TransportError(Code.CONNECTION_LOST, "The agent did not answer a request within its deadline.")
    agent = FakeAgent(takes_s={"infer": 700.0}, failures={("infer", 1): late})
    with pytest.raises(TransportError):
        run(agent, tmp_path)
    assert agent.calls[-1] == "close"
    assert agent.deadlines["close"] == 5.0


def test_cores_that_are_absent_are_answered_with_those_that_are_there(tmp_path: Path) -> None:
    refused = DeviceError(Code.CORES_ABSENT, "the device has no cores [4, 5] for us, only [0, 1]")
    with pytest.raises(DeviceError) as caught:
        run(FakeAgent(failures={("open", 1): refused}), tmp_path)
    problem = caught.value.problem
    assert (problem.code, problem.blame, problem.message) == (Code.CORES_ABSENT, Blame.USER, refused.problem.message)
    assert problem.what_to_do == "Name some of the cores 0, 1 in `cpus:`, or leave it out."
