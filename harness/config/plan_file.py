"""A plan of mixed precision as a file: which parts of one model run in which arithmetic.

```yaml
about: 71 % of the multiply-adds in fp16, 3 cuts     # for people
model: 5473827010…                                   # sha256 of the .onnx or .mnn file it was made for
segments:
  - {inputs: [input], outputs: [/stem/res0/Add_output_0], compute: fp32, share: 0.08}
  - {inputs: [/stem/res0/Add_output_0], outputs: [logits], compute: fp16, share: 0.92}
```
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import PlainValidator

from harness.config.fields import Text, checked_text, one_of, wrong
from harness.config.reader import Reader
from harness.config.sections import Section, Slip, unknown_key
from harness.config.yaml_lines import load
from harness.errors import Code
from harness.precision import Compute, MixedPlan, Segment

_MOST_SEGMENTS = 64
_MOST_TENSORS = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEYS = ("about", "model", "segments")


def _tensors(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_TENSORS:
        raise wrong(f"a list of 1 to {_MOST_TENSORS} names of tensors")
    return tuple(checked_text(one) for one in value)


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise wrong("a share between 0 and 1")
    return float(value)


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise wrong("the sha256 of the model's file, 64 hexadecimal digits")
    return value


class WrittenSegment(Section):
    """One part of the model; see `harness.precision.Segment`."""

    inputs: Annotated[tuple[str, ...], PlainValidator(_tensors)]
    outputs: Annotated[tuple[str, ...], PlainValidator(_tensors)]
    compute: Annotated[str, one_of((Compute.FP32.value, Compute.FP16.value))]
    share: Annotated[float, PlainValidator(_share)] | None = None


class WrittenPlan(Section):
    """A plan without its segments, which have places of their own."""

    about: Text = "mixed precision"
    model: Annotated[str, PlainValidator(_digest)]

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:
        """Yield segments that are fed what nothing before them made, or that hand on what is there already."""
        segments = raw.get("segments")
        if not isinstance(segments, list):
            return
        made: set[str] = set()
        for number, one in enumerate(segments):
            inputs, outputs = (_names(one, key) for key in ("inputs", "outputs"))
            for name in inputs - made if number else ():
                yield Slip(
                    ("segments",), f"'{name}' as an input of segment {number + 1}", "an output of one before it"
                )
            for name in outputs & (made | inputs):
                yield Slip(("segments",), f"'{name}' as an output of segment {number + 1}", "a tensor that is new")
            made |= outputs | (inputs if not number else set())


def load_plan(path: Path) -> MixedPlan:
    """Read a plan.

    Raises:
        InputError: bad-experiment, with every mistake of the file.
    """
    reader = Reader(load(path, Code.BAD_EXPERIMENT), Code.BAD_EXPERIMENT)
    top = reader.mapping(reader.document.data, ())
    for key in top.keys() - set(_KEYS):
        reader.note((key,), *unknown_key(key, _KEYS))
    plan = reader.section(WrittenPlan, {key: top[key] for key in ("about", "model") if key in top}, ())
    for slip in WrittenPlan.slips(top):
        reader.note(slip.keys, slip.read, slip.expected)
    items = reader.items(top.get("segments"), ("segments",), f"a list of 1 to {_MOST_SEGMENTS} segments")
    if len(items) > _MOST_SEGMENTS:
        reader.note(("segments",), f"{len(items)} segments", f"at most {_MOST_SEGMENTS}")
    segments = [reader.section(WrittenSegment, raw, where) for where, raw in items]
    reader.finish()
    assert plan is not None  # noqa: S101 - for the type checker: without it there were mistakes
    return MixedPlan(plan.model, tuple(_segment(one) for one in segments if one is not None))


def plan_text(plan: MixedPlan, about: str) -> str:
    """Return a plan as the text of its file."""
    segments = [
        {
            "inputs": list(one.inputs),
            "outputs": list(one.outputs),
            "compute": one.compute.value,
            **({} if one.share is None else {"share": round(one.share, 6)}),
        }
        for one in plan.segments
    ]
    return yaml.safe_dump(
        {"about": about, "model": plan.model, "segments": segments}, sort_keys=False, width=110, allow_unicode=True
    )


def _segment(written: WrittenSegment) -> Segment:
    return Segment(written.inputs, written.outputs, Compute(written.compute), written.share)


def _names(segment: object, key: str) -> set[str]:
    names = segment.get(key) if isinstance(segment, dict) else None
    return {one for one in names if isinstance(one, str)} if isinstance(names, list) else set()
