"""Betting against a claim on a mean: capital that grows only if the claim is wrong.

Whoever bets on images in turn, at fair odds under the claim, multiplies his capital by more than k at any time
with a probability of at most 1/k if the claim holds (Ville's inequality). So capital above 1/error refutes the
claim with that error however often one looks, and whatever the rates of single outcomes are. Waudby-Smith and
Ramdas, Estimating means of bounded random variables by betting, J. R. Stat. Soc. B 86 (2024) 1-27. The capital is
spread evenly over `STAKES`, since the best one depends on what is not known.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

STAKES: Final = (0.9, 0.6, 0.4, 0.25, 0.15, 0.1, 0.05, 0.025)
"""Shares of the largest bet that can never ruin: large ones win fast where nothing is lost, small ones survive."""

Counts = NDArray[np.int64]


def log_capital(*, lost: Counts, gained: Counts, images: int, mean: float, below: bool) -> NDArray[np.float64]:
    """Return the logarithm of the capital, in the shape of `lost`, after betting on images worth 1, -1 or 0.

    Args:
        lost: how many images were worth 1.
        gained: how many were worth -1, same shape; the others were worth 0.
        images: how many there were in all.
        mean: the claim that is bet against, above -1 and below 1: the expected worth is at least `mean` if
            `below`, else at most `mean`.
        below: whether the bet is that the expected worth lies below `mean`, or above it.
    """
    sign = 1.0 if below else -1.0
    # A bet of size b multiplies the capital by 1 + b * sign * (mean - worth), which must stay above zero.
    bets = np.array(STAKES) / (1.0 - sign * mean)
    counts = ((lost, 1.0), (gained, -1.0), (images - lost - gained, 0.0))
    logs = sum(
        np.multiply.outer(np.asarray(count, np.float64), np.log1p(bets * sign * (mean - worth)))
        for count, worth in counts
    )
    return np.asarray(np.logaddexp.reduce(np.asarray(logs), axis=-1) - np.log(len(STAKES)))
