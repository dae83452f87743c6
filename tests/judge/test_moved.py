"""The noise of a timing's change."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence import CellKey
from harness.judge.moved import SIGMA_PER_MAD, TimingChange, noise_ms
from harness.results import Timing

KEY = CellKey(device="d", model="m", precision="p", engine="e")


def timing(median: float, mad: float) -> Timing:
    return Timing(emulated=False, first_ms=median, median_ms=median, p90_ms=median, mad_ms=mad, stable=True)


def test_the_factor_is_that_of_the_normal_distribution() -> None:
    assert pytest.approx(1 / statistics.NormalDist().inv_cdf(0.75), abs=1e-4) == SIGMA_PER_MAD


@pytest.mark.parametrize(
    ("before", "after", "noise"),
    [
        ((100.0, 3.0), (110.0, 4.0), 22.239),  # 3 * 1.4826 * sqrt(9 + 16)
        ((100.0, 0.0), (110.0, 0.0), 5.0),  # 5 % of the smaller
        ((110.0, 0.0), (100.0, 0.0), 5.0),
        ((100.0, 1.0), (100.0, 0.0), 5.0),
        ((100.0, 2.0), (100.0, 0.0), 8.8956),
    ],
)
def test_noise_worked_out_by_hand(before: tuple[float, float], after: tuple[float, float], noise: float) -> None:
    found = noise_ms(timing(*before), timing(*after))
    assert found == pytest.approx(noise)
    change = TimingChange(KEY, timing(*before), timing(*after), found)
    assert change.change_ms == after[0] - before[0]
    assert change.moved == (abs(after[0] - before[0]) > noise)


TIMES = st.tuples(st.floats(0.1, 1e4), st.floats(0.0, 1e3))


@given(TIMES, TIMES, st.floats(0.1, 10.0))
def test_noise_is_the_same_both_ways_and_in_any_unit(
    one: tuple[float, float], other: tuple[float, float], unit: float
) -> None:
    there, back = noise_ms(timing(*one), timing(*other)), noise_ms(timing(*other), timing(*one))
    assert there == back
    assert there >= 0.05 * min(one[0], other[0])
    scaled = [timing(median * unit, mad * unit) for median, mad in (one, other)]
    assert noise_ms(*scaled) == pytest.approx(there * unit)
    forth = TimingChange(KEY, timing(*one), timing(*other), there)
    reverse = TimingChange(KEY, timing(*other), timing(*one), back)
    assert forth.moved == reverse.moved
    assert not (forth.worse and reverse.worse)
