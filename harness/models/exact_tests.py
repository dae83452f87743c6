"""Exact tests of counts, by binomial distributions."""

from scipy.special import bdtr


def sign_test(more: int, less: int) -> float:
    """Return the exact two-sided p-value of the sign test, which for paired right and wrong is McNemar's.

    Of the pairs that differ, each is as likely to favour the one as the other: twice the smaller tail of a
    binomial distribution with 1/2, at most 1. McNemar, Psychometrika 12 (1947) 153-157.
    """
    return min(1.0, 2.0 * float(bdtr(min(more, less), more + less, 0.5)))


def tails(successes: int, trials: int, share: float) -> tuple[float, float]:
    """Return the exact p-values of seeing so few, and of seeing so many, where `share` is the true one."""
    few = float(bdtr(successes, trials, share))
    # The other tail as that of the failures: one minus a number near 1 would lose its digits.
    return few, float(bdtr(trials - successes, trials, 1.0 - share))
