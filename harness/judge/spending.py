"""Exact group-sequential bounds on a count: many looks, one error rate.

A count that is looked at after several numbers of images crosses a bound by chance more often than one that is
looked at once. Each look here spends a part of the error rate that is still left (Lan and DeMets, Biometrika 70
(1983) 659-663): as much as the discrete count lets it, as early as it can, since a bound that was not reached
keeps nothing from the looks that follow. What is spent is summed exactly, over all paths that no earlier look
has ended (Armitage, McPherson and Rowe, J. R. Stat. Soc. A 132 (1969) 235-244); no approximation is involved.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.stats import binom


@lru_cache(maxsize=512)
def low_bounds(looks: tuple[int, ...], rate: float, error: float) -> tuple[int, ...]:
    """Return the largest count at each look that speaks for a rate of at most `rate`; -1 where none does.

    If the true rate is `rate` or more, a count stays at or below its bound at any look with a probability of at
    most `error`: a larger rate makes small counts rarer.

    Args:
        looks: numbers of images, rising.
        rate: 0..1, of one image to be counted.
        error: 0..1, over all looks together.

    Raises:
        ValueError: the looks do not rise.
    """
    _check(looks)
    alive, before, left = np.ones(1), 0, error
    bounds = []
    for look in looks:
        alive = _grown(alive, look - before, rate)
        tail = np.cumsum(alive)
        bound = int(np.searchsorted(tail, left, side="right")) - 1
        if bound >= 0:
            left -= float(tail[bound])
            alive[: bound + 1] = 0.0
        bounds.append(bound)
        before = look
    return tuple(bounds)


@lru_cache(maxsize=512)
def high_bounds(looks: tuple[int, ...], rate: float, error: float) -> tuple[int, ...]:
    """Return the smallest count at each look that speaks for a rate above `rate`; look + 1 where none does.

    The mirror of `low_bounds`: counts that are not small are those of the other outcome that are not large.
    """
    mirrored = low_bounds(looks, 1.0 - rate, error)
    return tuple(look - bound for look, bound in zip(looks, mirrored, strict=True))


def _grown(alive: np.typing.NDArray[np.float64], images: int, rate: float) -> np.typing.NDArray[np.float64]:
    return np.convolve(alive, binom.pmf(np.arange(images + 1), images, rate))


def _check(looks: Sequence[int]) -> None:
    if any(later <= earlier for earlier, later in zip((0, *looks), looks, strict=False)):
        raise ValueError(f"the looks {looks} do not rise")
