"""The tests that a statistician would plan who may look once: what the judge's own are held against.

Where no image can be gained, or agreement is all there is to count, the exact binomial test. Else Tango's score test
of a paired difference: Tango, Statistics in Medicine 17 (1998) 891-908, the values that the score with constrained
maximum likelihood does not reject; recommended by Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014)
2850-2875. It is asymptotic: its error is near the one stated, not below it, which is to its advantage here.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, ndtri

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST: Final = 20_000
"""Images in a plan; where these would not do, there is none."""


def binomial(counted: Counts, *, images: int, rate: float, confidence: float) -> tuple[Flags, Flags]:
    """Tell where a count shows a rate below `rate` (PASS), and where one above it (FAIL)."""
    error = 1.0 - confidence
    above = np.where(counted > 0, bdtrc(np.maximum(counted - 1, 0), images, rate), 1.0)
    return bdtr(counted, images, rate) <= error, above <= error


def score(lost: Counts, gained: Counts, *, images: int, drop: float) -> NDArray[np.float64]:
    """Return Tango's statistic: how many standard errors P(lost) - P(gained) lies above `drop`."""
    a = 2.0 * images
    b = (a - lost + gained) * drop - lost - gained
    c = -gained * drop * (1.0 - drop)
    nuisance = (np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
    variance = images * (2.0 * nuisance + drop * (1.0 - drop))
    distance = lost - gained - images * drop
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0.0, 0.0, distance / np.sqrt(variance))


def tango(lost: Counts, gained: Counts, *, images: int, drop: float, confidence: float) -> tuple[Flags, Flags]:
    """Tell where the counts show a drop below `drop` (PASS), and where one above it (FAIL)."""
    found, enough = score(lost, gained, images=images, drop=drop), float(ndtri(confidence))
    return found <= -enough, found >= enough


def planned(decides: Callable[[int], float], share: float) -> int | None:
    """Return the number of images at which a test decides as often as `share`; None where `MOST` would not do.

    Numbers are tried in steps of a fiftieth. `decides` gives the share (0..1) of cells that a test of so many images
    decides as it should.
    """
    images = 1
    while images <= MOST:
        if decides(images) >= share:
            return images
        images += max(1, images // 50)
    return None
