"""Thresholds on plain numbers; they decide no verdict and are reported apart."""

from harness.results import Metrics, Numeric, Thresholds


def numeric(*, metrics: Metrics, thresholds: Thresholds) -> Numeric | None:
    """Say which numeric thresholds a cell keeps; None where none is set.

    The median relative L2 may be as large as its threshold, the median cosine as small as its own. A figure that
    is missing keeps none.
    """
    if thresholds.relative_l2 is None and thresholds.cosine is None:
        return None
    distance, cosine = metrics.relative_l2_median, metrics.cosine_median
    return Numeric(
        relative_l2=None
        if thresholds.relative_l2 is None
        else distance is not None and distance <= thresholds.relative_l2,
        cosine=None if thresholds.cosine is None else cosine is not None and cosine >= thresholds.cosine,
    )
