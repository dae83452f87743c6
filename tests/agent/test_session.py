"""Watching a session: operators by name, and what a look raises ends the run and comes out as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.agent.failures import AgentError
from harness.agent.session import Key, Session, equal

Callback = Callable[[list[Any], Any], bool]


class Info:
    def __init__(self, name: str) -> None:
        self.getName = lambda: name


class Scripted(Session):
    """A session whose engine runs operators of these names, as MNN does: one that is refused is passed over, and
    the run ends where the callback after it says so."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.ran: list[str] = []

    def run(self, before: Callback, after: Callback) -> None:
        for name in self.names:
            if before([name + " in"], Info(name)):
                self.ran.append(name)
            if not after([name + " out"], Info(name)):
                return


def test_operators_are_seen_in_order_by_name_and_how_often_it_came() -> None:
    seen: list[tuple[Key, object]] = []
    look = lambda key, tensors, _: seen.append((key, tensors[0]))  # noqa: E731
    session = Scripted("a", "b", "a")
    session.watch(look, look)
    assert session.ran == ["a", "b", "a"]
    assert seen == [
        (("a", 0), "a in"),
        (("a", 0), "a out"),
        (("b", 0), "b in"),
        (("b", 0), "b out"),
        (("a", 1), "a in"),
        (("a", 1), "a out"),
    ]


@pytest.mark.parametrize("error", [AgentError("disk-full", "x"), OSError(28, "full"), ValueError("v"), MemoryError()])
@pytest.mark.parametrize("when", ["in", "out"])
def test_what_a_look_raises_ends_the_run(error: Exception, when: str) -> None:
    looks: list[object] = []

    def look(_: Key, tensors: list[Any], __: Any) -> None:
        looks.append(tensors[0])
        if tensors[0] == f"b {when}":
            raise error

    session = Scripted("a", "b", "c")
    with pytest.raises(type(error)) as raised:
        session.watch(look, look)
    assert raised.value is error
    assert looks[-1] == f"b {when}", "nobody looks any more"
    assert "c" not in session.ran


def test_outputs_are_equal_to_the_bit() -> None:
    one = np.array([[1.0, np.nan, 0.0]], np.float32)
    assert equal([one], [one.copy()])
    assert equal([one], [one.reshape(3)]), "a session may leave out axes of length 1"
    assert not equal([one], [one.astype(np.float64)])
    assert not equal([one], [-one])
    assert not equal([one], [one, one])
    assert not equal([one], [np.nextafter(one, np.float32(9))])
