"""Numbers as words: the one place that decides how many digits are worth showing."""

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

NONE = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits: 0.0302, 1.2e-06, ∞."""
    if value is None or math.isnan(value):
        return NONE
    return _infinite(value) if math.isinf(value) else f"{value:.{digits}g}"


def fixed(value: float | None, places: int = 2) -> str:
    """Return a number with so many decimals."""
    if value is None or math.isnan(value):
        return NONE
    return _infinite(value) if math.isinf(value) else f"{value:.{places}f}"


def percent(share: float | None) -> str:
    """Return a share of one as per cent."""
    return NONE if share is None else f"{100.0 * share:.1f} %"


def signed(points: float | None) -> str:
    """Return a change with its sign and a true minus: +0.0 or -3.3."""
    if points is None:
        return NONE
    return f"{round(points, 1) + 0.0:+.1f}".replace("-", _MINUS)


def interval(bounds: tuple[float, float] | None) -> str:
    """Return `low … high` of a change, with signs; each end is rounded away from the other.

    An end decides a verdict by lying within the threshold or beyond it, and must not be rounded across it.
    """
    return NONE if bounds is None else " … ".join(map(signed, _outwards(bounds)))


def span(bounds: tuple[float, float] | None, scale: float = 1.0) -> str:
    """Return `low … high` of a quantity that has no sign, times `scale`; rounded as those of `interval`."""
    return NONE if bounds is None else " … ".join(f"{end:.1f}" for end in _outwards(bounds, scale))


def between(values: Sequence[float], words: Callable[[float], str]) -> str:
    """Return `smallest … largest` in the words given, once where both read the same."""
    low, high = words(min(values)), words(max(values))
    return low if low == high else f"{low} … {high}"


def cosine(value: float | None) -> str:
    """Return a cosine; those near one need more digits to be told apart."""
    if value is None or math.isinf(value):
        return NONE if value is None else _infinite(value)
    return f"{value:.6f}"


def _outwards(bounds: tuple[float, float], scale: float = 1.0) -> tuple[float, float]:
    # In decimals as they are written: in binary 1.1 is a little more, and would become 1.2.
    low, high = (Decimal(repr(float(end))) * Decimal(repr(float(scale))) for end in bounds)
    tenth = Decimal("0.1")
    return float(low.quantize(tenth, ROUND_FLOOR)), float(high.quantize(tenth, ROUND_CEILING))


def _infinite(value: float) -> str:
    return "∞" if value > 0 else f"{_MINUS}∞"
