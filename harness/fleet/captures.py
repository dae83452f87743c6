"""A capture that a device reports, checked: it may lie, and what cannot be is not used."""

import math
from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from harness.agent import MOST_CAPTURED
from harness.captured import Capture, OperatorError, Summary
from harness.errors import Code, DeviceError

_NEAR_OVERFLOW = 0.5 * 65504
_LONGEST_LINE = 4096

_V = TypeVar("_V", Summary, OperatorError)


def captured(payload: bytes) -> Capture:
    """Return what a device captured.

    Raises:
        DeviceError: (protocol) it is no capture, or its figures contradict each other.
    """
    if payload.count(b"\n") > MOST_CAPTURED:
        raise _nonsense("too many operators")
    # Line by line, so that nothing large is ever built of what makes no sense.
    first, *others = payload.split(b"\n")
    summary = _line(Summary, first)
    operators = tuple(_line(OperatorError, line) for line in others)
    found = Capture(**dict(summary), operators=operators)
    wrong = next(_impossible(found), None)
    if wrong is not None:
        raise _nonsense(f"{wrong} cannot be")
    return found


def _line(kind: type[_V], line: bytes) -> _V:
    if len(line) > _LONGEST_LINE:
        raise _nonsense("too long a line")
    try:
        # Strictly: no true for 1, no "13" for 13.
        return kind.model_validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:200]
        raise _nonsense(f"{where!r}, {first['msg'][:200]}") from error


def _nonsense(what: str) -> DeviceError:
    return DeviceError(Code.PROTOCOL, f"The agent's Capture makes no sense: {what}.")


def _impossible(found: Capture) -> Iterator[str]:
    """Name what no capture can say."""
    if not found.operators and not found.unmatched:
        yield "a model without operators"
    if not found.restored and found.operators and all(each.made is not None for each in found.operators):
        yield "`restored`"
    for place, operator in enumerate(found.operators):
        for name in _contradictions(operator, restored=found.restored):
            yield f"`{name}` of operator {place}"


def _contradictions(operator: OperatorError, *, restored: bool) -> Iterator[str]:
    if operator.integers > operator.elements:
        yield "integers"
    if operator.nonfinite > operator.elements - operator.integers:
        yield "nonfinite"
    nonzero = operator.largest > 0
    if (operator.relative_l2 is None and nonzero) or (operator.relative_l2 == math.inf) != (operator.nonfinite > 0):
        yield "relative_l2"
    if operator.rms > operator.largest:
        yield "rms"
    if operator.near_overflow > 0 and operator.largest < _NEAR_OVERFLOW:
        yield "near_overflow"
    if operator.flushed > operator.tiny:
        yield "flushed"
    if operator.made is None and nonzero and restored:
        yield "made"
    if operator.rounding is None and operator.made is not None and nonzero:
        yield "rounding"
    if operator.amplification is not None and (operator.rounding in (None, math.inf) or operator.integers):
        yield "amplification"
