"""The experiment's choices beside models and precisions: engines, devices, sampling, thresholds, timing."""

import re
from typing import Annotated

from pydantic import PlainValidator

from harness.config.fields import Name, Text, checked_text, real, wrong
from harness.config.model_entry import Sampling, TimingPlan
from harness.config.problems import nearest, shown
from harness.config.sections import Reader, Section
from harness.results import Thresholds

DEFAULT_ENGINE = "3.6.1"

_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2}")
_NONSENSE = "a threshold that can never fail, or never pass, says nothing"


def _engines(value: object) -> tuple[str, ...]:
    found = _texts(value, "a list of at least one version")
    for text in found:
        if not _VERSION.fullmatch(text):
            raise wrong('versions of three numbers in quotes, "3.6.1"', f"read {shown(text)}")
    return found


def _selection(value: object) -> tuple[str, ...]:
    found = _texts(
        value, "a list of at least one device name or label=value", "leave the key out to take all devices"
    )
    for text in found:
        label, equals, content = text.partition("=")
        if equals and not (label.strip() and content):
            raise wrong("a device name or label=value", f"read {shown(text)}")
    return found


def _texts(value: object, expected: str, hint: str = "") -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise wrong(expected, hint)
    found = tuple(checked_text(item) for item in value)
    twice = sorted({text for text in found if found.count(text) > 1})
    if twice:
        raise wrong("each entry once", f"{shown(twice[0])} stands twice")
    return found


class KnownFailure(Section):
    """A verdict FAIL that is expected, and why."""

    device: Name
    model: Text
    precision: Text
    reason: Text


class CheckedThresholds(Section, Thresholds):
    """`harness.results.Thresholds` with nonsense refused: points above 0 and below 100, a share within 0..1."""

    accuracy_drop_points: Annotated[float, real(0, 100, _NONSENSE)] = 2.0
    agreement: Annotated[float, real(0, 1, _NONSENSE)] = 0.97


class Choices(Section):
    """The keys of an experiment that all have defaults."""

    engines: Annotated[tuple[str, ...], PlainValidator(_engines)] = (DEFAULT_ENGINE,)
    devices: Annotated[tuple[str, ...], PlainValidator(_selection)] = ()
    sampling: Sampling = Sampling()
    thresholds: CheckedThresholds = CheckedThresholds()
    timing: TimingPlan = TimingPlan()
    known_failures: tuple[KnownFailure, ...] = ()


def check_known_failures(
    reader: Reader, top: dict[str, object], *, names: list[object], precisions: list[object]
) -> None:
    """Note expected failures of models and precisions that the experiment does not have, and repeated ones."""
    entries = top.get("known_failures")
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        for key, known in (("model", names), ("precision", precisions)):
            value = entry.get(key)
            if isinstance(value, str) and value not in known:
                hint = nearest(value, [name for name in known if isinstance(name, str)])
                reader.note(
                    ("known_failures", index, key), f"read {shown(value)}", f"a {key} of this experiment", hint
                )
        cell = repr([entry.get(key) for key in ("device", "model", "precision")])
        if cell in seen:
            reader.note(("known_failures", index), "the same cell as before", hint=f"already entry {seen[cell]}")
        seen.setdefault(cell, index)
