"""How well the lint foretold what was measured. Pure."""

import math
from collections.abc import Mapping, Sequence

from harness.diagnosis import LintScore, Prediction
from harness.evidence import CellKey

FEWEST = 4
"""Blocks of which ranks say anything."""


def score(key: CellKey, foretold: Mapping[str, float], measured: Mapping[str, float], *, bound: float) -> LintScore:
    """Hold predictions for blocks against their measured local errors, both relative L2, by name.

    A block loses accuracy if its error is above `bound`. A hit is one that was foretold to and does, a miss does and
    was not foretold to, a false alarm the other way round. Errors that are no number (NaN came out) count as
    infinite. Blocks that only one side knows are left out.
    """
    common = [block for block in foretold if block in measured]
    pairs = tuple(Prediction(block=b, predicted=_size(foretold[b]), measured=_size(measured[b])) for b in common)
    loses = [(pair.predicted > bound, pair.measured > bound) for pair in pairs]
    return LintScore(
        key=key,
        correlation=rank_correlation([pair.predicted for pair in pairs], [pair.measured for pair in pairs]),
        hits=loses.count((True, True)),
        misses=loses.count((False, True)),
        false_alarms=loses.count((True, False)),
        bound=bound,
        predictions=pairs,
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation, ties sharing their mean rank.

    None where it means nothing: for fewer than four pairs, or where all numbers of one side are the same.
    """
    from scipy import stats

    if len(first) < FEWEST or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(stats.spearmanr(first, second).statistic)


def _size(error: float) -> float:
    return math.inf if math.isnan(error) else error
