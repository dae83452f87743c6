"""Which plan to try next on the devices, and when to stop. Pure.

The candidates are put on a ladder: by rising predicted error, each cheaper than all before it, the cheapest plan for
every bound on the error. A verdict tells which way to climb: after a PASS to cheaper plans, after anything else to
more exact ones, halving the open part of the ladder in the logarithm of the error. Verdicts need not follow the
prediction; the answer is only ever a plan that has passed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.diagnose.front import Candidate
from harness.results import Verdict

WORTH = 0.01
"""A gain below this share of the multiply-adds is not worth another probe."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A plan and what the devices said.

    Attributes:
        error: measured relative L2 distance at the output; None where there is none.
    """

    candidate: Candidate
    verdict: Verdict
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a search.

    Attributes:
        best: the cheapest plan that passed, or None.
        reason: in words.
    """

    best: Candidate | None
    reason: str


def ladder(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the cheapest plans for rising bounds on the error: error rises, cost falls."""
    found: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: (each.error, each.cost, each.plan.cuts)):
        if not found or candidate.cost < found[-1].cost:
            found.append(candidate)
    return tuple(found)


def next_step(
    rungs: Sequence[Candidate], tried: Sequence[Tried], *, probes_left: int, aim: float | None = None
) -> Candidate | Stop:
    """Return the plan to try next, or the end of the search.

    Args:
        rungs: the ladder.
        tried: what is known already. The whole model in the reduced precision and in fp32 belong here, so that
            they are not tried again.
        probes_left: how many more plans may be tried.
        aim: predicted error of the first plan to try; the middle of the ladder where None.
    """
    best = _best(tried)
    left = _open(rungs, tried, best)
    if not left:
        return Stop(
            best, "every plan that could be cheaper has been tried, or is predicted to be worse than a failure"
        )
    if best is not None and best.cost - left[-1].cost < WORTH:
        return Stop(best, f"what could still be gained is below {WORTH:.0%} of the multiply-adds")
    if probes_left <= 0:
        return Stop(best, "the budget is used up")
    is_first = all(_is_uniform(each.candidate) for each in tried)
    bound = aim if aim is not None and is_first else _middle(left)
    return next((each for each in reversed(left) if each.error <= bound), left[0])


def _best(tried: Sequence[Tried]) -> Candidate | None:
    passed = [each.candidate for each in tried if each.verdict is Verdict.PASS]
    return min(passed, key=lambda each: (each.cost, each.error), default=None)


def _open(rungs: Sequence[Candidate], tried: Sequence[Tried], best: Candidate | None) -> list[Candidate]:
    """Return what is cheaper than the best and more exact than whatever did not pass."""
    known = {each.candidate.plan for each in tried}
    bound = min((each.candidate.error for each in tried if each.verdict is not Verdict.PASS), default=math.inf)
    ceiling = math.inf if best is None else best.cost
    return [each for each in rungs if each.plan not in known and each.error < bound and each.cost < ceiling]


def _middle(left: Sequence[Candidate]) -> float:
    finite = [each.error for each in left if 0 < each.error < math.inf]
    return math.sqrt(finite[0] * finite[-1]) if finite else math.inf


def _is_uniform(candidate: Candidate) -> bool:
    return candidate.plan.cuts == 0
