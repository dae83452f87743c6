"""The experiment's choices beside models and precisions: engines, devices, sampling, thresholds, timing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import PlainValidator

from harness.config.fields import Name, Text, checked_text, real, wrong
from harness.config.model_entry import DiagnosisPlan, Sampling, TimingPlan
from harness.config.problems import nearest, shown
from harness.config.reader import Reader
from harness.config.sections import Section, Slip
from harness.results import Thresholds

DEFAULT_ENGINE = "3.6.1"

_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2}")
_NONSENSE = "a threshold that can never fail, or never pass, says nothing"
_FAR = "1 is what outputs of zeros have; fp32 has 0.0001, fp16 some hundredths"
_ASKEW = "0 is what outputs have that have nothing to do with the reference's; fp32 has 1, fp16 0.999"


def _engine(value: object) -> str:
    text = checked_text(value)
    if not _VERSION.fullmatch(text):
        raise wrong('a version of three numbers in quotes, "3.6.1"')
    return text


def _selector(value: object) -> str:
    text = checked_text(value)
    label, equals, content = text.partition("=")
    if equals and not (label.strip() and content):
        raise wrong("a device name or label=value")
    return text


class KnownFailure(Section):
    """A verdict FAIL that is expected, and why."""

    device: Name
    model: Text
    precision: Text
    reason: Text


class CheckedThresholds(Section, Thresholds):
    """`harness.results.Thresholds` with nonsense refused.

    Points above 0 and below 100, all others within 0..1. Points and shares that guessing would keep depend on the
    model and its samples; those are the judge's to see (`harness.judge.chance`).
    """

    accuracy_drop_points: Annotated[float, real(0, 100, _NONSENSE)] = 2.0
    agreement: Annotated[float, real(0, 1, _NONSENSE)] = 0.97
    relative_l2: Annotated[float | None, real(0, 1, _FAR)] = None
    cosine: Annotated[float | None, real(0, 1, _ASKEW)] = None


class Choices(Section):
    """The keys of an experiment that all have defaults."""

    engines: tuple[Annotated[str, PlainValidator(_engine)], ...] = (DEFAULT_ENGINE,)
    devices: tuple[Annotated[str, PlainValidator(_selector)], ...] = ()
    sampling: Sampling = Sampling()
    thresholds: CheckedThresholds = CheckedThresholds()
    timing: TimingPlan = TimingPlan()
    diagnosis: DiagnosisPlan = DiagnosisPlan()
    known_failures: tuple[KnownFailure, ...] = ()

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield empty lists and repeated entries of engines and devices."""
        for key in ("engines", "devices"):
            items = raw.get(key)
            if items == []:
                yield Slip((key,), "an empty list", "at least one entry", "or leave the key out for the default")
            counts = (
                Counter(item for item in items if isinstance(item, str)) if isinstance(items, list) else Counter()
            )
            for twice in sorted(word for word, count in counts.items() if count > 1):
                yield Slip((key,), f"{shown(twice)} twice", "each entry once")


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
