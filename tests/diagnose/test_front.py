"""The front of plans, against all plans there are; predicted errors by hand."""

import math
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnose.front import CUT_COST, UNITS, Candidate, Sensitivity, front, predicted, squared_errors
from harness.diagnose.plans import Plan, uniform
from harness.precision import Compute

FP32, FP16 = Compute.FP32, Compute.FP16

TABLE = (0.0124, 0.0152, 0.0103, 0.0057, 0.0068, 0.0066, 0.0055, 0.0048, 0.0002, 0.0002, 0.0002, 0.0002)
"""Twelve blocks of a real model, measured one at a time; all of it in fp16 was measured at 0.034."""

work = st.lists(st.integers(0, 50), min_size=1, max_size=7)
squares = st.one_of(st.integers(0, 9), st.integers(0, 1 << 20), st.just(math.inf)).map(float)
"""Sums of them are exact, so that no two plans differ by rounding only."""


def plan(text: str) -> Plan:
    return Plan(tuple(FP16 if letter == "h" else FP32 for letter in text))


def test_errors_add_as_the_root_of_their_squares() -> None:
    found = squared_errors([Sensitivity(0.03), Sensitivity(0.04), Sensitivity(0.12)])
    assert predicted(plan("hh."), found) == pytest.approx(0.05)
    assert predicted(plan("hhh"), found) == pytest.approx(0.13)
    assert predicted(plan("..."), found) == 0.0


def test_errors_are_raised_to_add_up_to_what_all_do_together() -> None:
    """By hand: the squares add up to 0.00066663, its root is 0.02582; 0.034 is 1.3169 times that."""
    assert math.sqrt(sum(each**2 for each in TABLE)) == pytest.approx(0.02582, abs=5e-6)
    found = squared_errors([Sensitivity(each) for each in TABLE], together=0.034)
    assert predicted(uniform(12, FP16), found) == pytest.approx(0.034)
    assert math.sqrt(found[1]) == pytest.approx(0.0152 * 1.3169, rel=1e-4)
    assert predicted(plan("." * 8 + "hhhh"), found) == pytest.approx(0.0004 * 1.3169, rel=1e-4)


def test_errors_are_not_lowered() -> None:
    assert squared_errors([Sensitivity(0.3), Sensitivity(0.4)], together=0.1) == pytest.approx((0.09, 0.16))


def test_a_block_that_hurts_only_in_company_is_not_taken_for_innocent() -> None:
    """Sparing the first takes 0.05 down to 0.03, so it adds 0.05² - 0.03² = 0.04², though alone it does 0.01."""
    found = squared_errors([Sensitivity(0.01, spared=0.03), Sensitivity(0.03, spared=0.045)], together=0.05)
    assert found == pytest.approx((0.0016, 0.0009))
    assert squared_errors([Sensitivity(0.01, spared=0.03)])[0] == pytest.approx(0.0001)


def test_what_sparing_a_block_seems_to_take_away_by_chance_does_not_count() -> None:
    """0.03² - 0.029² = 0.0077²: twenty times the square of what the second block does, and noise of a few images."""
    found = squared_errors([Sensitivity(0.03, spared=0.005), Sensitivity(0.0017, spared=0.029)], together=0.03)
    assert found == pytest.approx((0.0009, 0.0017**2))


@pytest.mark.parametrize("broken", [math.inf, math.nan])
def test_a_block_that_breaks_the_output_stays_in_fp32(broken: float) -> None:
    found = squared_errors([Sensitivity(0.1), Sensitivity(broken), Sensitivity(0.1, spared=broken)], together=broken)
    assert found == pytest.approx((0.01, math.inf, 0.01))
    finite = [each for each in front([1, 1, 1], found) if math.isfinite(each.error)]
    assert {each.plan.computes[1] for each in finite} == {FP32}
    assert max(each.share for each in finite) == pytest.approx(2 / 3)


def test_a_small_front_by_hand() -> None:
    """Work 5, 3, 2 and squares 4, 1, 1: '.hh' beats 'h..', as much work for a square of 2, and 'hh.' beats 'h.h'."""
    found = {each.plan: each for each in front([5, 3, 2], [4.0, 1.0, 1.0])}
    assert set(found) == {plan(each) for each in ("...", ".h.", "..h", ".hh", "hh.", "hhh")}
    assert found[plan(".hh")].error == pytest.approx(math.sqrt(2))
    assert found[plan(".hh")].share == pytest.approx(0.5)
    assert found[plan(".hh")].cost == pytest.approx(0.5 + CUT_COST)


@given(work, st.data())
def test_the_front_is_that_of_all_plans(works: list[int], data: st.DataObject) -> None:
    errors = [data.draw(squares) for _ in works]
    found = {_figures(each, works) for each in front(works, errors)}
    everything = set()
    for choice in product((False, True), repeat=len(works)):
        error = sum((e for e, chosen in zip(errors, choice, strict=True) if chosen), 0.0)
        units = sum(_units(w, works) for w, chosen in zip(works, choice, strict=True) if chosen)
        cuts = sum(a is not b for a, b in pairwise(choice))
        everything.add((math.sqrt(error), -units, cuts))
    assert found == {each for each in everything if not any(_beats(other, each) for other in everything)}


@given(work, st.data())
def test_the_front_is_monotone_and_ends_in_whole_models(works: list[int], data: st.DataObject) -> None:
    errors = [data.draw(st.floats(1e-9, 1.0)) for _ in works]
    found = front([each + 1 for each in works], errors)
    assert found[0] == Candidate(uniform(len(works), FP32), 0.0, 0.0)
    assert found[-1].plan == uniform(len(works), FP16)
    assert found[-1].share == pytest.approx(1.0)
    for cuts in range(len(works)):
        own = [each for each in found if each.plan.cuts <= cuts]
        levels = [max(each.share for each in own if each.error <= bound.error) for bound in own]
        assert levels == sorted(levels)
    for each in found:
        assert each.error == pytest.approx(predicted(each.plan, errors))


def test_it_is_the_same_front_every_time_and_quick_for_24_blocks() -> None:
    works = [float(1 + (7 * index) % 11) for index in range(24)]
    errors = [1.5 ** -((5 * index) % 24) for index in range(24)]
    first = front(works, errors)
    assert first == front(works, errors)
    assert 20 < len(first) < 5000


def test_the_reduced_precision_is_the_one_asked_for() -> None:
    assert front([1.0], [1.0], Compute.BF16)[-1].plan == Plan((Compute.BF16,))


def _beats(one: tuple[float, int, int], other: tuple[float, int, int]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _units(value: int, works: list[int]) -> int:
    return round(UNITS * value / (sum(works) or 1))


def _figures(candidate: Candidate, works: list[int]) -> tuple[float, int, int]:
    units = sum(_units(works[index], works) for index in candidate.plan.holds(FP16))
    return candidate.error, -units, candidate.plan.cuts
