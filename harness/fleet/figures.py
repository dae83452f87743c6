"""Figures that a device reports, checked: it may lie, and what cannot be is not used."""

import json
from collections.abc import Iterator, Sequence
from typing import TypeVar

from harness.agent import MOST_OPERATORS
from harness.agent.frames import Header
from harness.errors import Code, DeviceError
from harness.evidence import Health, Operator, Probe, RawTiming

MOST_MB = 1e9
_MOST_TENSORS = 10**7
_MOST_BACKEND = 1000
_NAME, _TYPE = 200, 60
_MOST_SENSORS = 256
_ROUNDING = 1e-6

_V = TypeVar("_V", Health, Probe, RawTiming)


def value(kind: type[_V], header: Header) -> _V:
    """Return a header's figures as a value; fields that it does not have are passed over.

    Raises:
        DeviceError: (protocol) a figure is of another type, not finite or, in a probe, impossible.
    """
    fields = {key: value for key, value in header.items() if key in kind.model_fields}
    try:
        # Strictly: no true for 1, no "13" for 13; and what comes of it must be finite.
        found = kind.model_validate_json(json.dumps(fields), strict=True)
        json.dumps(found.model_dump(), allow_nan=False)
    except ValueError as error:
        raise DeviceError(Code.PROTOCOL, f"The agent's {kind.__name__} makes no sense: {error}") from error
    wrong = next(_wrong_in(found), None)
    if wrong is not None:
        raise DeviceError(Code.PROTOCOL, f"The agent's {kind.__name__} makes no sense: {wrong} cannot be.")
    return found


def _wrong_in(found: Health | Probe | RawTiming) -> Iterator[str]:
    if isinstance(found, Probe):
        yield from _impossible(found)
    for state in found.health if isinstance(found, RawTiming) else (found,) if isinstance(found, Health) else ():
        yield from _unhealthy(state)


def _unhealthy(state: Health) -> Iterator[str]:
    """Name what no device's state can be: it ends in reports, so it must not grow beyond all bounds."""
    for name in ("temperatures", "clocks_mhz", "limits_mhz"):
        figures = getattr(state, name)
        if len(figures) > _MOST_SENSORS or any(len(sensor) > _NAME for sensor in figures):
            yield name
    if len(state.throttled) > _MOST_SENSORS or any(len(words) > _NAME for words in state.throttled):
        yield "throttled"
    if state.governor is not None and len(state.governor) > _NAME:
        yield "governor"
    for name in ("memory_available_mb", "disk_free_mb"):
        megabytes = getattr(state, name)
        if megabytes is not None and not 0 <= megabytes < MOST_MB:
            yield name
    if state.busy is not None and not 0 <= state.busy <= 1:
        yield "busy"
    if state.battery_percent is not None and not 0 <= state.battery_percent <= 100:
        yield "battery_percent"


def _impossible(probe: Probe) -> Iterator[str]:
    """Name the figures that no probe can have."""
    if probe.session_backend is not None and not 0 <= probe.session_backend <= _MOST_BACKEND:
        yield "session_backend"
    for name in ("session_memory_mb", "session_memory_mb_high"):
        megabytes = getattr(probe, name)
        if megabytes is not None and not 0 <= megabytes < MOST_MB:
            yield name
    for name in ("half_flops_share", "int8_typed_share", "int8_share", "half_rest_share"):
        share = getattr(probe, name)
        if share is not None and not 0 <= share <= 1:
            yield name
    if not 0 <= probe.half_tensors <= probe.tensors <= _MOST_TENSORS:
        yield "half_tensors"
    if probe.half_tensors_high is not None and not 0 <= probe.half_tensors_high <= _MOST_TENSORS:
        yield "half_tensors_high"
    for name in ("full_operators", "float_operators"):
        if not _are_possible(getattr(probe, name)):
            yield name


def _are_possible(operators: Sequence[Operator]) -> bool:
    shares = [operator.share for operator in operators]
    named = all(0 < len(each.type) <= _TYPE and len(each.name) <= _NAME for each in operators)
    ranged = all(0 <= share <= 1 for share in shares) and sum(shares) <= 1 + _ROUNDING
    return len(shares) <= MOST_OPERATORS and named and ranged and shares == sorted(shares, reverse=True)
