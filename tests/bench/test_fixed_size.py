"""The tests that look once: against published figures, brute force and exact enumeration."""

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from tests.bench.fixed_size import binomial, planned, score, tango


def one(lost: int, gained: int, images: int, drop: float) -> float:
    return float(score(np.array(lost), np.array(gained), images=images, drop=drop))


def test_the_published_interval_is_where_the_score_is_196() -> None:
    """Airway hyper-responsiveness, 21 children, 1 against 7: -0.517 to -0.026; Fagerland and others (2014)."""
    assert one(1, 7, 21, -0.517) == pytest.approx(1.96, abs=0.01)
    assert one(1, 7, 21, -0.026) == pytest.approx(-1.96, abs=0.01)


@pytest.mark.parametrize(("lost", "gained"), [(3, 1), (0, 4), (7, 7), (5, 0)])
def test_at_no_difference_it_is_mcnemars(lost: int, gained: int) -> None:
    assert one(lost, gained, 60, 0.0) == pytest.approx((lost - gained) / math.sqrt(lost + gained))


@pytest.mark.parametrize(("lost", "gained", "images"), [(3, 1, 20), (0, 4, 30), (7, 7, 50), (5, 0, 60)])
@pytest.mark.parametrize("drop", [-0.2, 0.05, 0.3])
def test_the_score_by_brute_force(lost: int, gained: int, images: int, drop: float) -> None:
    """With the constrained likelihood maximised over two million points instead of by Tango's formula."""
    p_gained = np.linspace(max(0.0, -drop), (1 - drop) / 2, 2_000_001)[1:-1]
    p_lost = p_gained + drop
    kept = (p_lost > 0) & (p_lost + p_gained < 1)
    p_gained, p_lost = p_gained[kept], p_lost[kept]
    equal = images - lost - gained
    likelihood = lost * np.log(p_lost) + gained * np.log(p_gained) + equal * np.log(1 - p_lost - p_gained)
    nuisance = p_gained[likelihood.argmax()]
    variance = images * (2 * nuisance + drop - drop**2)
    assert one(lost, gained, images, drop) == pytest.approx(
        (lost - gained - images * drop) / math.sqrt(variance), abs=2e-3
    )


def test_nothing_seen_of_nothing_allowed_is_nothing() -> None:
    assert one(0, 0, 10, 0.0) == 0.0


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.3])
def test_the_binomial_test_is_scipys(rate: float) -> None:
    counts = np.arange(61)
    passed, failed = binomial(counts, images=60, rate=rate, confidence=0.95)
    for count in counts:
        less, more = (binomtest(int(count), 60, rate, side).pvalue for side in ("less", "greater"))
        assert bool(passed[count]) is bool(less <= 0.05)
        assert bool(failed[count]) is bool(more <= 0.05)


@pytest.mark.parametrize("gained", [0.02, 0.1])
def test_tangos_error_is_near_the_one_stated(gained: float) -> None:
    """At the threshold, over all tables of 200 images; stated are 5 % each way."""
    lost, up = (grid.ravel() for grid in np.meshgrid(np.arange(201), np.arange(201), indexing="ij"))
    chance = binom.pmf(lost, 200, gained + 0.05) * binom.pmf(up, 200 - lost, gained / (1 - gained - 0.05))
    for decided in tango(lost, up, images=200, drop=0.05, confidence=0.95):
        assert 0.02 < float(chance[decided].sum()) < 0.065


def test_a_plan_is_the_first_number_that_does() -> None:
    """149 images without a flip show less than 2 points at 95 %."""

    def decides(images: int) -> float:
        passed, _ = binomial(np.zeros(1, np.int64), images=images, rate=0.02, confidence=0.95)
        return float(passed.mean())

    found = planned(decides, 0.5)
    assert found is not None
    assert 149 <= found <= 149 * 1.02
    assert planned(lambda _: 0.4, 0.5) is None
