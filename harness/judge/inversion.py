"""Intervals that agree with the verdict: what the tests that decide it have not refuted.

An end of an interval is where the tests of `sequential` change their mind about the threshold: the upper end of the
drop is the lowest drop that they show not to be reached, the lower end the highest that they show to be exceeded.
So a cell is PASS exactly where its upper end is at most the threshold, FAIL exactly where its lower end is at least
that, and each end by itself is wrong with a probability of at most 1 - confidence, over all looks together and
whenever one stops: a confidence sequence (Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86 (2024) 1-27, for the bets;
Jennison and Turnbull, J. R. Stat. Soc. B 51 (1989) 305-361, for the counts). An interval for a number of images that
was fixed beforehand would be narrower, and false here.

Both ends are those at the look that settled it: images that came later change no verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.judge.ladder import upper_end
from harness.judge.sequential import PairedTest, checked, count_error, first_shown

Flags = NDArray[np.bool_]
Interval = tuple[float, float]

_HALVINGS = 30
"""Of a width of at most 2: to a billionth."""


def drop_interval(
    *, lost: Flags, gained: Flags, looks: Sequence[int], allowed_points: float, confidence: float
) -> Interval:
    """Return where the drop P(lost) - P(gained) lies, in points within -100..100.

    Args:
        lost: bool [n], images that only the reference has right.
        gained: bool [n], images that only the device has right.
        looks: as for `sequential.settle_accuracy`.
        allowed_points: the threshold, in points.
        confidence: of each end.

    Raises:
        ValueError: no look, or one beyond the images.
    """
    allowed = allowed_points / 100.0
    test = PairedTest(allowed, checked(looks, len(lost)), confidence)
    ends = _ends(_until_settled(test, lost, gained), lost, gained)
    # An end at the threshold is the threshold to the bit, whatever the way through fractions makes of it.
    low, high = (allowed_points if end == allowed else 100.0 * end for end in ends)
    return low, high


def agreement_interval(
    *, agrees: Flags, looks: Sequence[int], threshold: float, confidence: float, judged: bool = True
) -> Interval:
    """Return where the share of images that agree lies, 0..1.

    PASS is the lower end at or above the threshold here, FAIL the upper end at or below it.

    Args:
        agrees: bool [n].
        looks: as for `sequential.settle_agreement`.
        threshold: the share that must agree, 0..1.
        confidence: of each end.
        judged: whether the verdict rests on it. If not, it is that of all images, and no look settles it.

    Raises:
        ValueError: no look, or one beyond the images.
    """
    allowed, differs, none = 1.0 - threshold, ~agrees, np.zeros_like(agrees)
    test = PairedTest(allowed, checked(looks, len(agrees)), confidence, gains=False)
    ends = _ends(_until_settled(test, differs, none) if judged else test, differs, none)
    high, low = (threshold if end == allowed else 1.0 - max(0.0, end) for end in ends)
    return low, high


def _ends(test: PairedTest, lost: Flags, gained: Flags) -> Interval:
    """Return the ends at the last look of a test, as fractions of one.

    Of two upper ends, by the count of lost images (a rung of the ladder at the threshold) and by the bets, it is the
    lower one: they share the error rate. So it is with the lower end where nothing can be gained.
    """
    images, error = test.looks[-1], count_error(test.confidence)
    down, up = (int(np.count_nonzero(flags[:images])) for flags in (lost, gained))

    def refutes(drop: float, *, below: bool) -> bool:
        return bool(test.bets(np.array(down), np.array(up), images, drop, below=below))

    high = upper_end(down, looks=test.looks, rate=test.threshold, error=error)
    low = -1.0
    if not test.gains:
        kept, rest = 1.0 - test.threshold, images - down
        end = upper_end(rest, looks=test.looks, rate=kept, error=error)
        low = test.threshold if end == kept else 1.0 - end
    return (
        max(low, _edge(lambda drop: refutes(drop, below=False), test.threshold, outer=-1.0, inner=1.0)),
        min(high, _edge(lambda drop: refutes(drop, below=True), test.threshold, outer=1.0, inner=-1.0)),
    )


def _until_settled(test: PairedTest, lost: Flags, gained: Flags) -> PairedTest:
    images, _ = first_shown(test, lost, gained)
    return replace(test, looks=tuple(look for look in test.looks if look <= images))


def _edge(refutes: Callable[[float], bool], threshold: float, *, outer: float, inner: float) -> float:
    """Return the value nearest to `inner` that is refuted, where `outer` counts as refuted and `inner` as not.

    Looked for on that side of the threshold on which it must lie, so that it is told from the threshold.
    """
    refuted, kept = (threshold, inner) if refutes(threshold) else (outer, threshold)
    for _ in range(_HALVINGS):
        middle = (refuted + kept) / 2.0
        if refutes(middle):
            refuted = middle
        else:
            kept = middle
    return refuted
