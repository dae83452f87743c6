"""Exact group-sequential bounds on a count: many looks, one error rate.

A count that is looked at after several numbers of images crosses a bound by chance more often than one that is
looked at once. Each look here spends a part of the error rate that is still left (Lan and DeMets, Biometrika 70
(1983) 659-663): as much as the discrete count lets it, as early as it can, since a bound that was not reached
keeps nothing from the looks that follow. What is spent is summed exactly, over all paths that no earlier look
has ended (Armitage, McPherson and Rowe, J. R. Stat. Soc. A 132 (1969) 235-244); no approximation is involved.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

Bounds = tuple[int, ...]


def spent(looks: Sequence[int], rate: float, error: float, caps: Bounds | None = None) -> Bounds:
    """Return the largest count at each look that speaks for a rate of at most `rate`; -1 where none does.

    If the true rate is `rate` or more, a count stays at or below its bound at any look with a probability of at
    most `error`: a larger rate makes small counts rarer.

    Args:
        looks: numbers of images, rising.
        rate: 0..1, of one image to be counted.
        error: 0..1, over all looks together.
        caps: what the bound at each look may be at most; what a cap leaves unspent is spent at later looks.

    Raises:
        ValueError: the looks do not rise.
    """
    steps = [later - earlier for earlier, later in zip((0, *looks), looks, strict=False)]
    if any(step < 1 for step in steps):
        raise ValueError(f"the looks {tuple(looks)} do not rise")
    # Of each size once: looks are mostly a batch apart.
    grows = {step: binom.pmf(np.arange(step + 1), step, rate) for step in set(steps)}
    alive, left = np.ones(1), error
    bounds: list[int] = []
    for index, step in enumerate(steps):
        alive = np.convolve(alive, grows[step])
        tail = np.cumsum(alive)
        bound = int(np.searchsorted(tail, left, side="right")) - 1
        if caps is not None:
            bound = min(bound, caps[index])
        if bound >= 0:
            left -= float(tail[bound])
            alive[: bound + 1] = 0.0
        bounds.append(bound)
    return tuple(bounds)
