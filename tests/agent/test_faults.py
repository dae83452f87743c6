"""Children that die, hang or are lost: each is reported as what it was, and costs its own cell alone."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.agent.processes import alive, child_of, children, descriptors, wait_until, zygote_of
from tests.agent.served import Served, first_output


def _agent(served: Served) -> int:
    return served.agent.process.pid


def _next_cell_is_well(served: Served, reference: NDArray[np.float32]) -> None:
    assert served.open("next").ok
    np.testing.assert_allclose(first_output(served.infer("next")), reference, rtol=1e-5, atol=1e-5)
    assert served.close("next").ok


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, "child-killed"),
        (signal.SIGTERM, "child-killed"),
        (signal.SIGSEGV, "child-crashed"),
        (signal.SIGABRT, "child-crashed"),
        (signal.SIGBUS, "child-crashed"),
        (signal.SIGILL, "child-crashed"),
    ],
)
def test_death_in_the_middle_of_a_cell(
    served: Served, reference: NDArray[np.float32], number: signal.Signals, code: str
) -> None:
    assert served.open().ok
    asked = [served.send_long_work(), served.send("infer", first=0, count=1)]
    time.sleep(0.2)
    os.kill(child_of(_agent(served)), number)
    for reply in (served.agent.wait(one, 10) for one in asked):
        assert reply.code == code
        assert number.name in reply.message
    assert served.ask("infer", first=0, count=1).code == "child-killed"
    _next_cell_is_well(served, reference)


def test_death_between_requests(served: Served, reference: NDArray[np.float32]) -> None:
    assert served.open().ok
    os.kill(child_of(_agent(served)), signal.SIGKILL)
    wait_until(lambda: not children(zygote_of(_agent(served))))
    assert served.infer().code == "child-killed"
    _next_cell_is_well(served, reference)


def test_death_of_one_cell_leaves_the_other(served: Served, reference: NDArray[np.float32]) -> None:
    assert served.open("one").ok
    doomed = child_of(_agent(served))
    assert served.open("other").ok
    lost = served.send_long_work("one")
    os.kill(doomed, signal.SIGSEGV)
    np.testing.assert_allclose(first_output(served.infer("other")), reference, rtol=1e-5, atol=1e-5)
    assert served.agent.wait(lost, 10).code == "child-crashed"
    assert served.close("other").ok


def test_last_words_are_handed_on(served: Served) -> None:
    assert served.open().ok
    child = child_of(_agent(served))
    # /proc lets a test write where the child prints, as an engine that complains would.
    with Path(f"/proc/{child}/fd/2").open("a") as log:
        log.write("terminate called: the engine is unhappy\n")
    asked = served.send_long_work()
    os.kill(child, signal.SIGABRT)
    reply = served.agent.wait(asked, 10)
    assert reply.code == "child-crashed"
    assert "the engine is unhappy" in reply.message


def test_failed_allocation_is_out_of_memory(served: Served) -> None:
    assert served.open().ok
    child = child_of(_agent(served))
    with Path(f"/proc/{child}/fd/2").open("a") as log:
        log.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    asked = served.send_long_work()
    os.kill(child, signal.SIGABRT)
    assert served.agent.wait(asked, 10).code == "out-of-memory"


def test_hanging_child_is_a_timeout(served: Served, reference: NDArray[np.float32]) -> None:
    assert served.open(deadline_s=1.5).ok
    child = child_of(_agent(served))
    os.kill(child, signal.SIGSTOP)
    began = time.monotonic()
    asked = [served.send("infer", first=0, count=1), served.send("probe", index=0)]
    assert served.agent.request("ping", timeout=1).ok
    for one in asked:
        assert served.agent.wait(one, 10).code == "cell-timeout"
    assert time.monotonic() - began < 4
    assert not alive(child)
    _next_cell_is_well(served, reference)


def test_slow_child_is_a_timeout_at_the_cells_deadline(served: Served) -> None:
    assert served.open(deadline_s=1.5).ok
    assert served.agent.wait(served.send_long_work(), 10).code == "cell-timeout"


def test_deadline_before_the_child_is_born(served: Served, reference: NDArray[np.float32]) -> None:
    zygote = zygote_of(_agent(served))
    os.kill(zygote, signal.SIGSTOP)
    asked = served.send_open(deadline_s=0.5)
    time.sleep(1.0)
    os.kill(zygote, signal.SIGCONT)
    assert served.agent.wait(asked, 10).code == "cell-timeout"
    assert not children(zygote)
    _next_cell_is_well(served, reference)


def test_a_zygote_that_is_stopped_is_no_lost_link(own: Served, reference: NDArray[np.float32]) -> None:
    zygote = zygote_of(_agent(own))
    os.kill(zygote, signal.SIGSTOP)
    reply = own.agent.wait(own.send_open(deadline_s=0.5), 15)
    assert reply.code == "cell-timeout"
    assert "SIGKILL" in reply.message
    _next_cell_is_well(own, reference)
    assert zygote_of(_agent(own)) != zygote


def test_an_engine_that_does_not_come_back_is_no_lost_link(own: Served, reference: NDArray[np.float32]) -> None:
    (module,) = own.workdir.glob("engines/*/MNN/__init__.py")
    good = module.read_text()
    module.unlink()  # not written into: other workdirs share it
    module.write_text("import time\ntime.sleep(600)\n")
    zygote = zygote_of(_agent(own))
    os.kill(zygote, signal.SIGKILL)
    wait_until(lambda: not alive(zygote))  # a dying process is without a command line before its files are closed
    reply = own.open(deadline_s=1)
    assert reply.code == "engine-start-failed"
    assert "was not imported within 1 s" in reply.message
    module.write_text(good)
    _next_cell_is_well(own, reference)


def test_heartbeats_while_a_child_computes(served: Served) -> None:
    assert served.open().ok
    asked = served.send_long_work()
    for _ in range(20):
        began = time.monotonic()
        assert served.agent.request("ping").ok
        assert time.monotonic() - began < 0.5
    assert asked not in served.agent.answered()
    os.kill(child_of(_agent(served)), signal.SIGKILL)
    assert served.agent.wait(asked, 10).code == "child-killed"


def test_lost_zygote_takes_its_cells_and_is_replaced(own: Served, reference: NDArray[np.float32]) -> None:
    assert own.open().ok
    zygote, child = zygote_of(_agent(own)), child_of(_agent(own))
    asked = own.send_long_work()
    os.kill(zygote, signal.SIGKILL)
    reply = own.agent.wait(asked, 10)
    assert reply.code == "child-killed"
    assert "SIGKILL" in reply.message
    wait_until(lambda: not alive(child))
    _next_cell_is_well(own, reference)
    assert zygote_of(_agent(own)) != zygote


def test_child_that_closed_and_hangs_does_not_stay(own: Served, reference: NDArray[np.float32]) -> None:
    assert own.open().ok
    child = child_of(_agent(own))
    os.kill(child, signal.SIGSTOP)
    asked = own.agent.send("close", cell="c")
    os.kill(child, signal.SIGCONT)
    assert own.agent.wait(asked).ok
    wait_until(lambda: not alive(child), 8)
    _next_cell_is_well(own, reference)


def test_children_have_no_way_to_the_coordinator(served: Served) -> None:
    assert served.open().ok
    agent = _agent(served)
    assert [link for link in descriptors(agent).values() if link.startswith("pipe:")]  # the coordinator's
    for process in (zygote_of(agent), child_of(agent)):
        theirs = descriptors(process)
        assert theirs["0"] == "/dev/null"
        assert theirs["1"] == theirs["2"]
        assert theirs["1"].startswith(str(served.workdir / "tmp"))
        assert not [link for link in theirs.values() if link.startswith("pipe:")]
        assert str(served.workdir / "lease") in theirs.values()  # the board is locked while any of them lives
    assert served.close().ok


def test_out_of_memory_shall_cost_the_cell_alone(served: Served) -> None:
    assert served.open().ok
    agent = _agent(served)
    scores = [
        int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in (agent, zygote_of(agent), child_of(agent))
    ]
    assert scores[0] == scores[1] < scores[2]
    assert served.close().ok


def test_logs_of_ended_cells_are_gone(own: Served) -> None:
    assert own.open().ok
    assert own.close().ok
    wait_until(lambda: not list((own.workdir / "tmp").glob("cell-*.log")))
