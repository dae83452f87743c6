"""The intervals against published figures, closed forms and exact enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.intervals import clopper_pearson, tango


def binomial_tail(successes: int, trials: int, share: float) -> float:
    """P(X >= successes), term by term."""
    return sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(successes, trials + 1))


@pytest.mark.parametrize(("successes", "trials"), [(1, 10), (5, 10), (9, 10), (148, 149), (3, 60)])
def test_clopper_pearson_bounds_leave_half_of_the_rest_on_each_side(successes: int, trials: int) -> None:
    low, high = clopper_pearson(successes=successes, trials=trials, confidence=0.95)
    assert binomial_tail(successes, trials, low) == pytest.approx(0.025, rel=1e-9)
    assert 1 - binomial_tail(successes + 1, trials, high) == pytest.approx(0.025, rel=1e-9)


def test_clopper_pearson_without_a_failure() -> None:
    low, high = clopper_pearson(successes=149, trials=149, confidence=0.9)
    assert high == 1.0
    assert low == pytest.approx(0.05 ** (1 / 149))
    assert 0.98 < low < 0.9801, "149 images without a flip are just enough for two points"
    assert clopper_pearson(successes=0, trials=149, confidence=0.9) == pytest.approx((0.0, 1 - low))


def test_tango_gives_the_published_interval() -> None:
    """Airway hyper-responsiveness, 21 children, 1 against 7: Fagerland, Lydersen and Laake (2014)."""
    low, high = tango(lost=1, gained=7, trials=21, confidence=0.95)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


@pytest.mark.parametrize("trials", [1, 10, 149, 1000])
def test_tango_without_a_flip_has_its_closed_form(trials: int) -> None:
    bound = 1.959963984540054**2 / (trials + 1.959963984540054**2)
    assert tango(lost=0, gained=0, trials=trials, confidence=0.95) == pytest.approx((-bound, bound))


@pytest.mark.parametrize(("lost", "gained", "trials"), [(3, 1, 20), (0, 4, 30), (7, 7, 50), (5, 0, 60)])
def test_tango_bounds_solve_the_score_equation(lost: int, gained: int, trials: int) -> None:
    """With the constrained likelihood maximised by brute force instead of Tango's formula."""
    for bound, quantile in zip(
        tango(lost=lost, gained=gained, trials=trials, confidence=0.95), (1.959964, -1.959964), strict=True
    ):
        p_gained = np.linspace(max(0.0, -bound), (1 - bound) / 2, 2_000_001)[1:-1]
        p_lost = p_gained + bound
        kept = (p_lost > 0) & (p_lost + p_gained < 1)
        p_gained, p_lost = p_gained[kept], p_lost[kept]
        equal = trials - lost - gained
        likelihood = lost * np.log(p_lost) + gained * np.log(p_gained) + equal * np.log(1 - p_lost - p_gained)
        nuisance = p_gained[likelihood.argmax()]
        variance = trials * (2 * nuisance + bound - bound**2)
        assert (lost - gained - trials * bound) / math.sqrt(variance) == pytest.approx(quantile, abs=2e-3)


def test_tango_covers_by_exact_enumeration() -> None:
    """Every table of 20 pairs, weighted by its probability: near 95 % on average, never far below."""
    trials = 20
    tables = [(b, c) for b in range(trials + 1) for c in range(trials + 1 - b)]
    bounds = {table: tango(lost=table[0], gained=table[1], trials=trials, confidence=0.95) for table in tables}
    shares = [(p, q) for p, q in itertools.product((0.02, 0.1, 0.2, 0.3, 0.45), repeat=2)]
    covered = [_coverage(bounds, trials, p, q) for p, q in shares]
    assert min(covered) > 0.92
    assert 0.945 < sum(covered) / len(covered) < 0.99


def _coverage(bounds: dict[tuple[int, int], tuple[float, float]], trials: int, p: float, q: float) -> float:
    total = 0.0
    for (lost, gained), (low, high) in bounds.items():
        if low <= p - q <= high:
            ways = math.comb(trials, lost) * math.comb(trials - lost, gained)
            total += ways * p**lost * q**gained * (1 - p - q) ** (trials - lost - gained)
    return total


counts = st.integers(1, 300).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n)).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), st.integers(0, pair[0] - pair[1]))
    )
)


@given(counts, st.floats(0.5, 0.999))
def test_tango_contains_the_estimate_and_mirrors(case: tuple[int, int, int], confidence: float) -> None:
    trials, lost, gained = case
    low, high = tango(lost=lost, gained=gained, trials=trials, confidence=confidence)
    assert -1.0 <= low <= (lost - gained) / trials <= high <= 1.0
    mirrored = tango(lost=gained, gained=lost, trials=trials, confidence=confidence)
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


@given(counts)
def test_more_confidence_is_wider(case: tuple[int, int, int]) -> None:
    trials, lost, gained = case
    narrow = tango(lost=lost, gained=gained, trials=trials, confidence=0.8)
    wide = tango(lost=lost, gained=gained, trials=trials, confidence=0.99)
    assert wide[0] <= narrow[0] + 1e-12
    assert narrow[1] <= wide[1] + 1e-12
    agreement = [clopper_pearson(successes=lost, trials=trials, confidence=c) for c in (0.8, 0.99)]
    assert agreement[1][0] <= agreement[0][0] <= lost / trials <= agreement[0][1] <= agreement[1][1]


@pytest.mark.parametrize(
    ("lost", "gained", "trials", "confidence"),
    [(1, 0, 0, 0.95), (-1, 0, 5, 0.95), (3, 3, 5, 0.95), (0, 0, 5, 1.0), (0, 0, 5, 0.0)],
)
def test_nonsense_is_refused(lost: int, gained: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"impossible|confidence"):
        tango(lost=lost, gained=gained, trials=trials, confidence=confidence)
    if gained == 0:
        with pytest.raises(ValueError, match=r"impossible|confidence"):
            clopper_pearson(successes=lost, trials=trials, confidence=confidence)
