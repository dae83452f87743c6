"""The next plan to try: never one twice, the cheapest that passes where verdicts follow the error."""

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnose.front import Candidate, front
from harness.diagnose.plans import Plan
from harness.diagnose.search import WORTH, Stop, Tried, ladder, next_step
from harness.precision import Compute
from harness.results import Verdict

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE

blocks = st.lists(st.tuples(st.integers(1, 100), st.floats(1e-8, 1.0)), min_size=2, max_size=8)


def candidate(number: int, error: float, share: float) -> Candidate:
    """A plan of 16 blocks with two cuts, another one for each number."""
    return Candidate(
        Plan(tuple(Compute.FP16 if index == number else Compute.FP32 for index in range(16))), error, share
    )


EXACT, A, B, C, D = (
    candidate(index + 1, error, share)
    for index, (error, share) in enumerate([(0.0, 0.0), (0.001, 0.2), (0.01, 0.4), (0.1, 0.6), (1.0, 1.0)])
)
RUNGS = (EXACT, A, B, C, D)
ENDS = [Tried(EXACT, PASS), Tried(D, FAIL)]


def step(*tried: Tried, left: int = 9, aim: float | None = None) -> Candidate | Stop:
    return next_step(RUNGS, [*ENDS, *tried], probes_left=left, aim=aim)


def test_the_ladder_is_ever_cheaper() -> None:
    worse = candidate(7, 0.02, 0.3)
    assert ladder([D, worse, B, A, C, EXACT]) == RUNGS


def test_after_a_pass_it_gets_cheaper_after_a_failure_more_exact() -> None:
    """Between 0.001 and 0.1 the middle, in the logarithm, is 0.01."""
    assert step() is B
    assert step(Tried(B, PASS)) is C
    assert step(Tried(B, FAIL)) is A


def test_what_is_not_decided_is_no_pass() -> None:
    assert step(Tried(B, OPEN)) is A
    stop = step(Tried(B, OPEN), Tried(A, OPEN))
    assert isinstance(stop, Stop)
    assert stop.best is EXACT


def test_it_ends_with_the_cheapest_that_passed() -> None:
    stop = step(Tried(B, PASS), Tried(C, FAIL))
    assert stop == Stop(
        B, "every plan that could be cheaper has been tried, or is predicted to be worse than a failure"
    )


def test_a_first_aim_is_taken_at_its_word() -> None:
    uniform = [Tried(Candidate(Plan((each,) * 16), error, 0.0), FAIL) for each, error in ((Compute.FP16, 2.0),)]
    assert next_step(RUNGS[1:], uniform, probes_left=3, aim=0.1) is C
    assert next_step(RUNGS[1:], uniform, probes_left=3, aim=0.0005) is A
    assert next_step(RUNGS[1:], [*uniform, Tried(C, FAIL)], probes_left=3, aim=0.1) is A


def test_the_budget_ends_it() -> None:
    stop = step(Tried(B, PASS), left=0)
    assert stop == Stop(B, "the budget is used up")


def test_a_gain_that_is_not_worth_a_probe_ends_it() -> None:
    close = candidate(8, 0.02, 0.4 + WORTH / 2)
    stop = next_step((*RUNGS[:3], close, D), [*ENDS, Tried(B, PASS)], probes_left=9)
    assert isinstance(stop, Stop)
    assert stop.best is B
    assert "below 1%" in stop.reason


def test_a_pass_beyond_a_failure_counts() -> None:
    """Verdicts need not follow the prediction; what passed is the answer, and only what is cheaper is of interest."""
    stop = step(Tried(A, FAIL), Tried(C, PASS))
    assert isinstance(stop, Stop)
    assert stop.best is C


def test_without_a_pass_there_is_no_best() -> None:
    stop = next_step([A], [Tried(A, FAIL)], probes_left=5)
    assert isinstance(stop, Stop)
    assert stop.best is None


@given(blocks, st.floats(1e-4, 2.0), st.one_of(st.none(), st.floats(1e-4, 1.0)))
def test_it_finds_the_cheapest_that_passes(
    given_: list[tuple[int, float]], threshold: float, aim: float | None
) -> None:
    rungs = ladder(front([float(w) for w, _ in given_], [s for _, s in given_]))
    tried = _search(rungs, lambda each: PASS if each.error <= threshold else FAIL, aim=aim)
    passing = min((each.cost for each in rungs if each.error <= threshold), default=math.inf)
    best = min(each.candidate.cost for each in tried if each.verdict is PASS)
    assert passing <= best < passing + WORTH


@given(blocks, st.randoms(use_true_random=False), st.integers(0, 6))
def test_it_ends_whatever_the_verdicts_and_tries_nothing_twice(
    given_: list[tuple[int, float]], random: Random, budget: int
) -> None:
    rungs = ladder(front([float(w) for w, _ in given_], [s for _, s in given_]))
    tried = _search(rungs, lambda _: random.choice([PASS, FAIL, OPEN]), budget=budget)
    assert len(tried) <= 2 + budget
    assert len({each.candidate.plan for each in tried}) == len(tried)


@pytest.mark.parametrize("threshold", [0.001, 0.003, 0.01, 0.02])
def test_it_takes_few_probes(threshold: float) -> None:
    """A front of 16 blocks: hundreds of plans, some forty rungs, halved each time."""
    works = [4.6, 6.1, 8.5, 5.4, 7.4, 5.1, 6.4, 6.9, 6.4, 6.9, 4.9, 5.2, 6.6, 5.2, 6.6, 7.7]
    alone = [55, 10, 10, 10, 10, 124, 2, 103, 2, 57, 152, 2, 68, 2, 66, 48]
    rungs = ladder(front(works, [(each * 1e-4) ** 2 for each in alone]))
    assert 25 < len(rungs) < 60
    tried = _search(rungs, lambda each: PASS if each.error <= threshold else FAIL, aim=0.0034)
    assert len(tried) - 2 <= 7


def test_plans_that_break_the_output_are_tried_last() -> None:
    broken = candidate(9, math.inf, 0.99)
    assert next_step((EXACT, A, B, broken), ENDS, probes_left=9) is A


def _search(
    rungs: tuple[Candidate, ...],
    verdict: Callable[[Candidate], Verdict],
    *,
    aim: float | None = None,
    budget: int = 99,
) -> list[Tried]:
    tried = [Tried(rungs[0], PASS), Tried(rungs[-1], verdict(rungs[-1]))]
    while True:
        step = next_step(rungs, tried, probes_left=budget - (len(tried) - 2), aim=aim)
        if isinstance(step, Stop):
            return tried
        tried.append(Tried(step, verdict(step)))
