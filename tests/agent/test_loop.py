"""The loop and the worker: calls come to whom they belong, once, and failures travel as values."""

import functools
import os
import socket
import threading
from collections.abc import Callable

import pytest

from harness.agent.failures import AgentError
from harness.agent.loop import Loop
from harness.agent.worker import Worker


@pytest.fixture
def loop() -> Loop:
    return Loop()


def turn_until(loop: Loop, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        loop.turn(0.1)
    raise AssertionError("it never came true")


@pytest.mark.parametrize("reuse", [False, True])
def test_what_an_earlier_call_of_the_turn_closed_is_not_called(loop: Loop, reuse: bool) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []
    kept: list[object] = []

    def take(number: int) -> None:
        called.append(number)
        other = pairs[1 - number][0]
        loop.unwatch(other)
        descriptor = other.fileno()
        other.close()
        if reuse:  # the new one has the number of the old one, and nothing to read
            quiet = socket.socketpair()
            kept.extend(quiet)
            os.dup2(quiet[0].fileno(), descriptor)
            loop.watch(descriptor, lambda: called.append(99))

    for number, (near, far) in enumerate(pairs):
        loop.watch(near, functools.partial(take, number))
        far.send(b"x")
    loop.turn(1)
    assert len(called) == 1


def test_unwatching_what_is_not_watched(loop: Loop) -> None:
    near, far = socket.socketpair()
    loop.unwatch(near)
    near.close()
    loop.unwatch(near)
    far.close()


def test_posted_calls_run_in_the_loops_thread_and_in_order(loop: Loop) -> None:
    seen: list[tuple[int, int]] = []

    def post() -> None:
        for number in range(5000):  # more than the waking socket can hold
            loop.post(lambda number=number: seen.append((number, threading.get_ident())))  # type: ignore[misc]

    thread = threading.Thread(target=post)
    thread.start()
    thread.join(10)
    turn_until(loop, lambda: len(seen) == 5000)
    assert seen == [(number, threading.get_ident()) for number in range(5000)]


def test_jobs_and_what_they_weigh(loop: Loop) -> None:
    worker, done = Worker(loop), list[object]()
    go = threading.Event()
    worker.do(lambda: go.wait(10), done.append, load=5)
    worker.do(lambda: "second", done.append, load=7)
    assert worker.load == 12
    go.set()
    turn_until(loop, lambda: worker.load == 0)
    assert done == [True, "second"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AgentError("disk-full", "x"), "disk-full"),
        (MemoryError(), "out-of-memory"),
        (KeyError("digest"), "protocol"),
        (RecursionError(), "protocol"),
    ],
)
def test_failures_are_results(loop: Loop, error: Exception, code: str) -> None:
    def fail() -> None:
        raise error

    worker, done = Worker(loop), list[object]()
    worker.do(fail, done.append)
    worker.do(lambda: "next", done.append)
    turn_until(loop, lambda: len(done) == 2)
    assert isinstance(done[0], AgentError)
    assert (done[0].code, done[1]) == (code, "next")
