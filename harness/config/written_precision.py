"""A precision as the experiment names it or writes it out."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, PlainValidator

from harness.config.fields import Flag, Name, one_of, whole, wrong
from harness.config.problems import nearest
from harness.config.sections import Section, Slip
from harness.precision import CATALOGUE, HINTS, Backend, Compute, Memory, Precision, Weights

RESERVED = (*CATALOGUE, "mixed")
"""Names that a written-out precision must not take."""

_SETTABLE_HINTS = tuple(name for name in HINTS if name != "cpu_core_ids")


def _new_name(text: str) -> str:
    if text in RESERVED:
        raise wrong("a name that the farm has not given yet", f"'{text}' is a name of the farm's own")
    return text


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

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield storage forms that exclude each other, and refinements of bits without bits."""
        bits = raw.get("bits") is not None
        forms = [key for key in ("half", "bits", "calibrated") if (bits if key == "bits" else raw.get(key) is True)]
        if len(forms) > 1:
            yield Slip(tuple(reversed(forms)), " and ".join(forms), "one of half, bits and calibrated")
        for key in ("block", "hqq", "symmetric"):
            if raw.get(key) not in (None, False) and not bits:
                yield Slip((key,), f"{key} without bits", "bits: 2..8 beside it")
        if raw.get("hqq") is True and raw.get("symmetric") is True:
            yield Slip(("symmetric",), "symmetric and hqq", "one of them", "MNN leaves hqq out for symmetric weights")


class WrittenPrecision(Section):
    """A precision that is not in the catalogue."""

    name: Annotated[Name, AfterValidator(_new_name)]
    weights: WrittenWeights = WrittenWeights()
    compute: Annotated[str, one_of(Compute)] = Compute.FP32.value
    memory: Annotated[str, one_of(Memory)] = Memory.NORMAL.value
    backend: Annotated[str, one_of(Backend)] = Backend.CPU.value
    hints: dict[
        Annotated[str, PlainValidator(_hint_name)],
        Annotated[int, whole(0, 2**31 - 1)],
    ] = {}

    @property
    def precision(self) -> Precision:
        """The precision that is meant."""
        return Precision(
            name=self.name,
            weights=Weights(**self.weights.model_dump()),
            compute=Compute(self.compute),
            memory=Memory(self.memory),
            backend=Backend(self.backend),
            hints=tuple(sorted(self.hints.items())),
        )
