"""How an agent ends, what ends with it, and who gets the board then."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.conftest import StartAgent
from tests.agent.driver import AgentDriver
from tests.agent.models import Model
from tests.agent.processes import alive, child_of, descriptors, is_free, wait_until, watchdog_of, zygote_of
from tests.agent.served import Served


def _busy(served: Served) -> list[int]:
    """Keep a child computing; return the agent's, zygote's and child's process ids."""
    assert served.open().ok
    served.send_long_work()
    agent = served.agent.process.pid
    return [agent, zygote_of(agent), child_of(agent)]


def _gone(served: Served, processes: list[int]) -> bool:
    served.agent.process.poll()  # reaps it
    return not any(alive(pid) for pid in processes) and is_free(served.workdir / "lease")


def _hang_up(served: Served) -> None:
    served.agent.hang_up()


def _terminate(served: Served) -> None:
    served.agent.process.terminate()


def _kill(served: Served) -> None:
    served.agent.process.kill()


def _say_bye(served: Served) -> None:
    assert served.agent.request("bye").ok


def _talk_nonsense(served: Served) -> None:
    served.agent.write(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("end", [_hang_up, _terminate, _kill, _say_bye, _talk_nonsense])
def test_everything_ends_with_the_agent(own: Served, end: object) -> None:
    processes = _busy(own)
    assert not is_free(own.workdir / "lease")
    assert callable(end)
    end(own)
    assert wait_until(lambda: _gone(own, processes)) < 5


def test_killed_zygote_and_agent_at_once(own: Served) -> None:
    processes = _busy(own)
    for pid in processes[:2]:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: _gone(own, processes)) < 5


def test_silence_ends_it(own: Served) -> None:
    assert own.agent.hello(own.workdir / "lease", silence_s=1.5).ok
    processes = _busy(own)
    for _ in range(10):  # heartbeats keep it
        time.sleep(0.3)
        assert own.agent.request("ping").ok
    took = wait_until(lambda: _gone(own, processes))
    assert 1 < took < 5


def test_a_board_has_one_run_at_a_time(agent: AgentDriver, start: StartAgent, workdir: Path) -> None:
    other = start(workdir)
    refused = other.hello(workdir / "lease", run="run-2")
    assert refused.code == "device-busy"
    holder = refused.header["held_by"]
    assert (holder["run"], holder["holder"], holder["pid"]) == ("run-1", "tests", agent.process.pid)
    assert 0 <= time.time() - holder["since"] < 60
    assert "run-1" in refused.message
    assert other.request("have", digests=[]).code == "protocol"
    assert agent.request("ping").ok
    assert agent.request("bye").ok
    wait_until(lambda: is_free(workdir / "lease"))
    assert other.hello(workdir / "lease", run="run-2").ok


def test_same_run_replaces_its_lost_agent(own: Served, start: StartAgent, wheels: list[Path], model: Model) -> None:
    processes = _busy(own)
    again = start(own.workdir)
    assert again.hello(own.workdir / "lease").ok
    wait_until(lambda: not any(alive(pid) for pid in processes[1:]), 5)
    assert own.agent.process.wait(5) == 0
    assert Served.begin(again, own.workdir, wheels, model).open().ok


def test_same_run_replaces_an_agent_that_is_frozen(agent: AgentDriver, start: StartAgent, workdir: Path) -> None:
    os.kill(agent.process.pid, signal.SIGSTOP)
    again = start(workdir)
    asked = again.send("hello", run="run-1", holder="tests", lease=str(workdir / "lease"), silence_s=60)
    assert again.request("ping", timeout=2).ok  # while it waits for the lease
    assert again.wait(asked, 20).ok
    assert agent.process.wait(5) == -signal.SIGKILL


def test_a_frozen_agent_whose_coordinator_is_gone_frees_the_board(
    own: Served, start: StartAgent, wheels: list[Path], model: Model
) -> None:
    assert own.agent.hello(own.workdir / "lease", silence_s=4).ok
    processes = _busy(own)
    os.kill(own.agent.process.pid, signal.SIGSTOP)
    own.agent.hang_up()
    heir = start(own.workdir)
    assert not is_free(own.workdir / "lease")
    wait_until(lambda: _gone(own, processes), 15)
    assert own.agent.process.wait(5) == -signal.SIGKILL
    assert heir.hello(own.workdir / "lease", run="other").ok
    assert heir.request("bye").ok
    heir.process.wait(5)


def test_an_agent_that_is_frozen_with_its_watchdog_is_woken_by_whoever_wants_the_board(
    own: Served, start: StartAgent
) -> None:
    assert own.agent.hello(own.workdir / "lease", silence_s=4).ok
    processes = _busy(own)
    for pid in (watchdog_of(own.agent.process.pid), own.agent.process.pid):
        os.kill(pid, signal.SIGSTOP)
    own.agent.hang_up()
    heir = start(own.workdir)
    assert heir.hello(own.workdir / "lease", run="other").code == "device-busy"
    wait_until(lambda: _gone(own, processes), 15)
    assert heir.hello(own.workdir / "lease", run="other").ok
    assert heir.request("bye").ok
    heir.process.wait(5)


def test_its_watchdog_has_no_part_in_lease_and_protocol_and_ends_with_it(own: Served) -> None:
    processes = _busy(own)
    dog = watchdog_of(own.agent.process.pid)
    held = descriptors(dog)
    assert {held[number] for number in "012"} == {"/dev/null"}
    assert str(own.workdir / "lease") not in held.values()
    assert len([link for link in held.values() if link.startswith("pipe:")]) == 1
    assert os.getsid(dog) == dog
    own.agent.process.kill()
    wait_until(lambda: _gone(own, [*processes, dog]), 5)


def test_a_watchdog_that_was_killed_or_stopped_costs_nothing(own: Served) -> None:
    assert own.agent.hello(own.workdir / "lease", silence_s=4).ok
    os.kill(watchdog_of(own.agent.process.pid), signal.SIGKILL)
    time.sleep(0.6)
    assert own.open().ok
    assert own.infer().ok


def test_hello_twice_is_one_lease(agent: AgentDriver, workdir: Path) -> None:
    assert agent.hello(workdir / "lease", silence_s=30).ok
    assert json.loads((workdir / "lease").read_text())["pid"] == agent.process.pid


def test_lease_elsewhere_and_home(start: StartAgent, tmp_path: Path, workdir: Path) -> None:
    agent = start(workdir, env={**os.environ, "HOME": str(tmp_path / "home")})
    assert agent.hello("~/shared/lease").ok
    assert not is_free(tmp_path / "home" / "shared" / "lease")
    assert agent.request("bye").ok


@pytest.mark.parametrize("silence_s", [0, -1, "nan", "inf", None, "soon"])
def test_nonsense_silence(start: StartAgent, workdir: Path, silence_s: object) -> None:
    agent = start(workdir)
    reply = agent.request("hello", run="r", holder="h", lease=str(workdir / "lease"), silence_s=silence_s)
    assert reply.code == "protocol"


def test_workdir_that_cannot_be(start: StartAgent, archive: Path) -> None:
    agent = start(Path("/proc/nowhere"))
    assert agent.hello("/proc/nowhere/lease").code == "workdir-unusable"
    assert agent.request("ping").ok


def test_lease_that_cannot_be(start: StartAgent, workdir: Path) -> None:
    agent = start(workdir)
    assert agent.hello("/proc/lease").code == "workdir-unusable"
    assert agent.hello(workdir / "lease").ok


def test_logins_python_settings_do_not_reach_the_engine(fresh: Callable[..., Served], tmp_path: Path) -> None:
    poison = tmp_path / "poison"
    poison.mkdir()
    for module in ("numpy", "MNN", "json"):
        (poison / f"{module}.py").write_text("raise ImportError('poison')\n")
    # The agent itself is started by the bootstrap, before anybody could clean: its own modules must be found.
    (poison / "json.py").unlink()
    environment = {**os.environ, "PYTHONPATH": str(poison), "PYTHONSTARTUP": str(poison / "numpy.py")}
    assert fresh(env=environment).open().ok


def test_nothing_is_written_outside_the_workdir(fresh: Callable[..., Served], tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / "cache")}
    served = fresh(env=environment, cwd=str(home))
    assert served.open().ok
    assert served.infer().ok
    assert served.probe().ok
    assert served.close().ok
    assert served.agent.request("bye").ok
    served.agent.process.wait(10)
    assert list(home.iterdir()) == list(temporary.iterdir()) == []
    assert {entry.name for entry in served.workdir.iterdir()} == {"store", "engines", "tmp", "lease"}


def test_banner_and_prints_stay_out_of_the_frames(own: Served) -> None:
    # Every reply so far was a frame, although the engine printed on the zygote's descriptor 1.
    log = own.workdir / "tmp" / "engine-3.6.1.log"
    assert "The device supports" in log.read_text()
    assert own.agent.request("ping").ok


def test_leftovers_are_tidied(start: StartAgent, workdir: Path) -> None:
    for name in ("tmp/cell-9.log", "tmp/folder/file", "store/abc.1.part", "engines/3.6.1-x.7.part/MNN.py"):
        (workdir / name).parent.mkdir(parents=True, exist_ok=True)
        (workdir / name).write_text("left over")
    kept = workdir / "store" / ("0" * 64)
    kept.write_text("kept")
    assert start(workdir).hello(workdir / "lease").ok
    assert kept.exists()
    assert {path for path in workdir.rglob("*") if path.is_file()} == {kept, workdir / "lease"}


def test_ends_when_the_bootstrap_dies_before_hello(archive: Path, workdir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", str(archive), str(workdir)], input=b"", capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 0
    assert done.stderr == b""
    assert not workdir.exists()


def test_bytecode_is_kept_below_the_engine(own: Served) -> None:
    (engine,) = (own.workdir / "engines").iterdir()
    assert list((engine / ".bytecode").rglob("numpy/__init__.*.pyc"))
    assert not [path for path in engine.rglob("__pycache__") if ".bytecode" not in path.parts]


def test_logins_that_ignore_their_children(fresh: Callable[..., Served]) -> None:
    served = fresh(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert served.open().ok
    asked = served.send_long_work()
    os.kill(child_of(served.agent.process.pid), signal.SIGKILL)
    assert served.agent.wait(asked, 10).code == "child-killed"
