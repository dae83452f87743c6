"""Confidence intervals for proportions and for paired differences of proportions."""

import math
from collections.abc import Callable

from scipy.special import betaincinv, ndtri

_EDGE = 1e-12


def clopper_pearson(*, successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """Return the exact two-sided interval of a proportion, as fractions of one.

    Clopper and Pearson, Biometrika 26 (1934) 404-413, by quantiles of the beta distribution. Covers with at
    least `confidence` whatever the true proportion is.

    Raises:
        ValueError: the counts or the confidence make no sense.
    """
    _check(confidence=confidence, trials=trials, parts=(successes,))
    tail = (1.0 - confidence) / 2.0
    failures = trials - successes
    low = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1.0 - tail))
    return low, high


def tango(*, lost: int, gained: int, trials: int, confidence: float) -> tuple[float, float]:
    """Return the two-sided score interval of a paired difference, as fractions of one.

    The difference is P(lost) - P(gained), where each of `trials` pairs was lost (reference right, device
    wrong), gained (the other way round) or equal. Tango, Statistics in Medicine 17 (1998) 891-908:
    the values that the score test with constrained maximum likelihood does not reject. Recommended
    for small samples by Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014) 2850-2875.
    It is asymptotic: its coverage is near `confidence`, not guaranteed.

    Raises:
        ValueError: the counts or the confidence make no sense.
    """
    _check(confidence=confidence, trials=trials, parts=(lost, gained, lost + gained))
    quantile = float(ndtri(1.0 - (1.0 - confidence) / 2.0))
    estimate = (lost - gained) / trials

    def score(difference: float) -> float:
        return _score(difference, lost=lost, gained=gained, trials=trials)

    low = -1.0 if gained == trials else _root(lambda d: score(d) - quantile, -1.0 + _EDGE, estimate)
    high = 1.0 if lost == trials else _root(lambda d: score(d) + quantile, estimate, 1.0 - _EDGE)
    return low, high


def _score(difference: float, *, lost: int, gained: int, trials: int) -> float:
    """Tango's statistic: how many standard errors the counts lie from `difference` (falls with it)."""
    a = 2.0 * trials
    b = (a - lost + gained) * difference - lost - gained
    c = -gained * difference * (1.0 - difference)
    nuisance = (math.sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
    variance = trials * (2.0 * nuisance + difference * (1.0 - difference))
    distance = lost - gained - trials * difference
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Bisect a falling function; where it does not change sign the nearer end is the answer."""
    if function(low) <= 0.0:
        return low
    if function(high) >= 0.0:
        return high
    for _ in range(100):
        middle = (low + high) / 2.0
        if function(middle) > 0.0:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _check(*, confidence: float, trials: int, parts: tuple[int, ...]) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    if trials < 1 or any(not 0 <= part <= trials for part in parts):
        raise ValueError(f"counts {parts} are impossible among {trials} trials")
