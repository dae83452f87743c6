"""Deadlines: what is within never outlives what is around it."""

from hypothesis import given
from hypothesis import strategies as st

from harness.fleet.deadline import Deadline
from tests.fleet.wires import HandClock

SECONDS = st.integers(0, 10**9).map(float)
"""Whole ones, which floats add and take away exactly."""


def test_time_runs_out() -> None:
    clock = HandClock(100.0)
    deadline = Deadline.after(7.0, clock)
    assert (deadline.left, deadline.expired) == (7.0, False)
    clock.now = 106.5
    assert (deadline.left, deadline.expired) == (0.5, False)
    clock.now = 107.0
    assert (deadline.left, deadline.expired) == (0.0, True)
    clock.now = 200.0
    assert (deadline.left, deadline.expired) == (0.0, True)


@given(outer=SECONDS, passed=SECONDS, inner=SECONDS)
def test_the_inner_one_ends_first_or_with_the_outer_one(outer: float, passed: float, inner: float) -> None:
    clock = HandClock(0.0)
    around = Deadline.after(outer, clock)
    clock.now = passed
    nested = around.within(inner)
    assert nested.at <= around.at
    assert nested.left == min(around.left, inner)
    assert around.expired <= nested.expired
