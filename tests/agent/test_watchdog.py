"""The watchdog counts its own waits: it ends what stands still, and nothing that merely slept with the machine."""

import os
import select
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field

from harness.agent import watchdog
from harness.agent.watchdog import Watchdog, watch
from tests.agent.processes import alive, wait_until, watchdog_of

AGENT = 4711


@dataclass
class Hours:
    """A pipe whose other end says what a script tells: seconds of silence that are allowed, None for a wait."""

    script: list[float | tuple[float, ...] | None]
    ends: bool = False
    killed: list[tuple[int, int]] = field(default_factory=list)
    waits: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heard, self.told = os.pipe()

    def wait(self, _heard: list[int], _out: object, _err: object, seconds: float | None) -> object:
        self.waits.append(seconds)
        if not self.script:
            assert self.ends, "it should have ended by now"
            os.close(self.told)
            return select.select([self.heard], [], [], 1)
        said = self.script.pop(0)
        if said is not None:
            words = said if isinstance(said, tuple) else (said,)
            os.write(self.told, struct.pack(f"{len(words)}d", *words))
        return [self.heard] if said is not None else [], [], []

    def play(self, parent: int = AGENT) -> list[tuple[int, int]]:
        watch(self.heard, AGENT, self.wait, lambda: parent, lambda pid, number: self.killed.append((pid, number)))
        return self.killed


def test_silence_for_as_long_as_was_said_is_the_end() -> None:
    # Three seconds are six waits of half a second; the seventh is one too many.
    assert Hours([3.0, *[None] * 7]).play() == [(AGENT, signal.SIGKILL)]
    assert Hours([3.0, *[None] * 6], ends=True).play() == []


def test_every_sign_of_life_begins_anew() -> None:
    assert Hours([3.0, *[None] * 6, 3.0, *[None] * 6, 1.0, None, None], ends=True).play() == []
    assert Hours([3.0, *[None] * 6, 3.0, *[None] * 6, 1.0, None, None, None]).play() == [(AGENT, signal.SIGKILL)]


def test_a_machine_that_slept_is_one_wait() -> None:
    # However long the machine was suspended: what counts is that the watchdog itself waited once.
    assert Hours([3.0, None, 3.0], ends=True).play() == []


def test_before_hello_it_only_sleeps() -> None:
    hours = Hours([], ends=True)
    assert hours.play() == []
    assert hours.waits == [None]


def test_a_number_that_is_anybodys_is_left_alone() -> None:
    assert Hours([3.0, *[None] * 7]).play(parent=1) == []


def test_the_last_word_counts() -> None:
    assert Hours([(60.0, 60.0, 0.5), None, None]).play() == [(AGENT, signal.SIGKILL)]


STANDS_STILL = """
import os, signal, time
from harness.agent.watchdog import Watchdog
dog = Watchdog.start()
dog.guard(0.1)
until = time.monotonic() + 1.5
while time.monotonic() < until:
    dog.tick()
    time.sleep(0.05)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_stopped_process_is_ended_and_not_sooner_than_any_agent_may_be() -> None:
    process = subprocess.Popen([sys.executable, "-c", STANDS_STILL])
    try:
        dog = watchdog_of(process.pid)
        began = time.monotonic()
        assert process.wait(15) == -signal.SIGKILL
        assert time.monotonic() - began > watchdog.LEAST_S
        wait_until(lambda: not alive(dog))
    finally:
        process.kill()


def test_a_dead_or_stopped_watchdog_holds_nobody_up() -> None:
    heard, told = os.pipe()
    os.set_blocking(told, False)
    dog = Watchdog(told)
    dog.guard(5.0)
    os.write(told, bytes((1 << 16) - 8))  # full: nobody reads
    dog.guard(5.0)
    os.close(heard)
    dog.guard(5.0)
    os.close(told)
