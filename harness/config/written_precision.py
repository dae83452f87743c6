"""A precision as the experiment names it or writes it out."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, ValidationInfo

from harness.config.fields import Flag, Name, Text, exists_as, located, one_of, whole, wrong
from harness.config.problems import nearest, shown
from harness.config.sections import Section, Slip
from harness.precision import (
    CATALOGUE,
    HINTS,
    MIXED,
    REWRITES,
    Backend,
    Compute,
    Memory,
    MixedPlan,
    Precision,
    Weights,
)

RESERVED = (*CATALOGUE, MIXED.name)
"""Names that a written-out precision must not take."""

_MOST_PLANS = 32
_SETTABLE_HINTS = tuple(name for name in HINTS if name != "cpu_core_ids")


def _new_name(text: str) -> str:
    if text in RESERVED:
        raise wrong("a name that the farm has not given yet", f"'{text}' is a name of the farm's own")
    return text


def _plan_files(value: object, info: ValidationInfo) -> tuple[Path, ...]:
    names = value if isinstance(value, list) else [value]
    if not 1 <= len(names) <= _MOST_PLANS:
        raise wrong(f"a plan's file, or a list of 1 to {_MOST_PLANS} of them")
    paths = tuple(located(name, info) for name in names)
    for path in paths if info.context else ():
        if not exists_as(path, "file"):
            raise wrong("a file that exists", f"there is no file {path}")
    return paths


def _hint_name(value: object) -> str:
    if value == "cpu_core_ids":
        raise wrong(f"one of {', '.join(_SETTABLE_HINTS)}", "cores are the device's `cpus:` in the inventory")
    if value not in _SETTABLE_HINTS:
        raise wrong(f"one of {', '.join(_SETTABLE_HINTS)}", nearest(str(value), _SETTABLE_HINTS))
    return str(value)


class WrittenWeights(Section):
    """`weights:` of a written-out precision; see `harness.precision.Weights`."""

    half: Flag = False
    bits: Annotated[int, whole(2, 8)] | None = None
    block: Annotated[int, whole(1, 4096)] | None = None
    hqq: Flag = False
    symmetric: Flag = False
    calibrated: Flag = False
    keep_float: tuple[Text, ...] = ()
    rewrites: tuple[Annotated[str, one_of(REWRITES)], ...] = ()

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield storage forms that exclude each other, and refinements of bits without bits."""
        yield from cls._storage(raw)
        yield from cls._repairs(raw)

    @staticmethod
    def _storage(raw: Mapping[str, object]) -> Iterator[Slip]:
        bits = raw.get("bits") is not None
        forms = [key for key in ("half", "bits", "calibrated") if (bits if key == "bits" else raw.get(key) is True)]
        if len(forms) > 1:
            yield Slip(tuple(reversed(forms)), " and ".join(forms), "one of half, bits and calibrated")
        for key in ("block", "hqq", "symmetric"):
            if raw.get(key) not in (None, False) and not bits:
                yield Slip((key,), f"{key} without bits", "bits: 2..8 beside it")
        if raw.get("hqq") is True and raw.get("symmetric") is True:
            yield Slip(("symmetric",), "symmetric and hqq", "one of them", "MNN leaves hqq out for symmetric weights")

    @staticmethod
    def _repairs(raw: Mapping[str, object]) -> Iterator[Slip]:
        quantised = raw.get("bits") is not None or raw.get("calibrated") is True
        if raw.get("keep_float") and not quantised:
            wanted, why = "bits: 2..8 or calibrated: true beside it", "other weights stay float anyway"
            yield Slip(("keep_float",), "keep_float without bits or calibrated", wanted, why)
        for key in ("keep_float", "rewrites"):
            given = raw.get(key)
            names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
            if given == []:
                yield Slip((key,), "an empty list", "at least one entry", "or leave the key out")
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield Slip((key,), f"{shown(name)} twice", "each entry once")
            if key == "rewrites" and "mean-pool" in names and raw.get("calibrated") is True:
                why = "mnnquant crashes on ReduceMean over height and width"
                yield Slip((key,), "mean-pool and calibrated", "one of them", why)


class WrittenPrecision(Section):
    """A precision that is not in the catalogue.

    Attributes:
        plan: files with a plan of mixed precision each, one a model; each part then has its own arithmetic.
    """

    name: Annotated[Name, AfterValidator(_new_name)]
    plan: Annotated[tuple[Path, ...], PlainValidator(_plan_files)] = ()
    weights: WrittenWeights = WrittenWeights()
    compute: Annotated[str, one_of(Compute)] = Compute.FP32.value
    memory: Annotated[str, one_of(Memory)] = Memory.NORMAL.value
    backend: Annotated[str, one_of(Backend)] = Backend.CPU.value
    hints: dict[
        Annotated[str, PlainValidator(_hint_name)],
        Annotated[int, whole(0, 2**31 - 1)],
    ] = {}

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield what a plan says already, or what mixed precision cannot have."""
        if raw.get("plan") is not None:
            if "compute" in raw:
                yield Slip(("compute",), "compute beside plan", hint="a plan says it for each part")
            if raw.get("backend", "cpu") != "cpu":
                yield Slip(("backend",), "a backend beside plan", "cpu", "models are cut for the CPU only")

    def precision(self, plans: Sequence[MixedPlan]) -> Precision:
        """Return the precision that is meant; `plans` is what the files of `plan` hold."""
        return Precision(
            name=self.name,
            weights=Weights(**self.weights.model_dump()),
            compute=Compute.FP16 if plans else Compute(self.compute),
            plans=tuple(plans),
            memory=Memory(self.memory),
            backend=Backend(self.backend),
            hints=tuple(sorted(self.hints.items())),
        )
