"""A whole run as one input: its journal and its arrays, all of which somebody else may have written.

Arrays are named by what they hold, so a mutated one would never be read. In the input they have numbers instead of
names, in the journal too, and get the names of what they hold when they are laid out as files.
"""

import hashlib
import json
import random
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness.dispatch.arrays import FOLDER, npy_bytes
from harness.dispatch.events import JOURNAL_LINE, CellFinished, DeviceReady, JournalEvent, RunEnded, RunStarted
from harness.dispatch.journal import NAME
from harness.dispatch.snapshot import DeviceNote, Expected, HostNote, ModelNote
from harness.dispatch.stored import stored_run
from harness.errors import FarmError
from harness.evidence import CellEvidence, DeviceEvidence, Health, RawTiming
from harness.judge.run import judge
from harness.precision import Memory, Weights
from harness.report import csv_report, json_report, junit, markdown
from harness.results import ModelResult
from tests.dispatch.builders import AT, LOST, failed, key, snapshot
from tests.judge.builders import FP32_RUN

ARRAY = b"\0array\0"
IMAGES = 12
_MOST_CHANGES = 3


def _digest(number: int) -> str:
    """Return what stands for an array's name in the input."""
    return f"{number:064d}"


_WHOLE = (0, 1, -1, 2, 3, IMAGES, IMAGES + 1, 1 << 31, 1 << 70)
_REAL = (0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 100.0, 1e-300, 1e300, "NaN", "Infinity", "-Infinity")
_WORDS = ("", "x" * 300, "\x1b[2J<b>|", "fp32", "a53", "a76", "logits", _digest(0), _digest(1), _digest(9))
_OTHER: tuple[Any, ...] = (None, True, "\ud800", [], {}, [[]], {"a": 1}, *_WHOLE, *_REAL, *_WORDS)


def example(*, labelled: bool) -> bytes:
    """Return a small run: two devices, one right, the other wrong on some images, and a cell that failed."""
    labels = np.arange(IMAGES, dtype=np.int64) % 3
    reference = np.eye(3, dtype=np.float32)[labels]
    turned = reference.copy()
    turned[::3] = np.roll(turned[::3], 1, axis=1)
    result = ModelResult(name="b0", source="b0.onnx", sha256="1" * 64, samples=IMAGES, labelled=labelled)
    note = ModelNote(
        result=result,
        reference=_digest(0),
        labels=_digest(2) if labelled else None,
        output_name="logits",
        host=(HostNote(weights=Weights(), memory=Memory.NORMAL, outputs=_digest(0), size=1000),),
        floor=_digest(1),
    )
    names = ("a76", "a53")
    asked = snapshot(
        models=(note,),
        devices=tuple(DeviceNote(name=name, kind="board", emulated=False, labels={}) for name in names),
        cells=(*(key("fp32", name) for name in names), key("w8-block32-lowmem")),
        known_failures=(Expected(device="a53", model="b0", precision="fp32", reason="solder"),),
    )
    events: list[JournalEvent] = [
        RunStarted(at=AT, snapshot=asked),
        *(DeviceReady(at=AT, device=DeviceEvidence(name=name, facts={"isa": ["fp16"]})) for name in names),
        *(CellFinished(at=AT, evidence=_cell(name, number)) for number, name in enumerate(names)),
        CellFinished(at=AT, evidence=failed(key("w8-block32-lowmem"), LOST)),
        RunEnded(at=AT, wall_s=30.0, interrupted=False, counts={"cells_measured": 2}),
    ]
    journal = b"".join(JOURNAL_LINE.dump_json(event) + b"\n" for event in events)
    return ARRAY.join((journal, npy_bytes(reference), npy_bytes(turned), npy_bytes(labels)))


def _cell(device: str, outputs: int) -> CellEvidence:
    states = (Health(temperatures={"cpu": 50.0}, busy=0.1, governor="schedutil"), Health(temperatures={"cpu": 60.0}))
    return CellEvidence(
        key=key("fp32", device),
        images=IMAGES,
        outputs=_digest(outputs),
        output_name="logits",
        probe=FP32_RUN,
        timing=RawTiming(first_ms=20.0, samples_ms=(10.0,) * 9, output_unchanged=True, health=states),
        looks=(6, IMAGES),
        health=states,
        variant="f" * 64,
    )


EXAMPLES = (example(labelled=True), example(labelled=False))


def run(data: bytes) -> bool:
    """Read, judge and report a run as it is, and one of whose values some are others, chosen by the input."""
    taken = judged(data)
    return judged(changed(data)) or taken


def judged(data: bytes) -> bool:
    """Lay a run out as files, read, judge and report it; return whether that could be done."""
    journal, *arrays = data.split(ARRAY)
    folder = Path(_place().name)
    for number, array in enumerate(arrays):
        digest = hashlib.sha256(array).hexdigest()
        (folder / FOLDER / f"{digest}.npy").write_bytes(array)
        journal = journal.replace(_digest(number).encode(), digest.encode())
    (folder / NAME).write_bytes(journal)
    try:
        with np.errstate(all="ignore"):  # what is made of numbers that are none is for the verdict to say
            results = judge(stored_run(folder))
    except FarmError as error:
        return _told(error)
    json.loads(json_report.render(results))
    for render in (markdown.render, csv_report.render, junit.render):
        render(results).encode("utf-8")
    return True


@cache
def _place() -> "tempfile.TemporaryDirectory[str]":
    """Return one folder for all: what is in there is named by its content, and making folders takes the longest."""
    made = tempfile.TemporaryDirectory(prefix="farm-fuzz-")
    Path(made.name, FOLDER).mkdir()
    return made


def _told(error: FarmError) -> bool:
    assert error.problem.message.strip()
    return False


def changed(data: bytes) -> bytes:
    """Return an example with other values in some places, chosen by `data`.

    A change of bytes seldom leaves a line that can be read.
    """
    chance = random.Random(zlib.crc32(data))
    journal, *arrays = chance.choice(EXAMPLES).split(ARRAY)
    lines = [json.loads(line) for line in journal.splitlines()]
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        _change(lines, chance)
    if chance.random() < 0.2:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    mutated = [_other(array, chance) if chance.random() < 0.1 else array for array in arrays]
    return ARRAY.join((b"".join(json.dumps(line).encode() + b"\n" for line in lines), *mutated))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place inside: a dictionary or a list, and a key or a number there."""
    for place in list(value) if isinstance(value, dict) else range(len(value)):
        if place != "kind":  # another one, and the line is refused at once
            yield value, place
        if isinstance(value[place], dict | list):
            yield from _places(value[place])


def _change(lines: list[Any], chance: random.Random) -> None:
    """Put something else in the place of one value, or take it away, or have it twice."""
    within, place = chance.choice([found for line in lines for found in _places(line)])
    fate = chance.random()
    if fate < 0.05:
        del within[place]
    elif fate < 0.2 and isinstance(within, list):
        within.append(within[place])
    else:
        within[place] = chance.choice(_like(within[place]) if fate < 0.95 else _OTHER)


def _like(value: Any) -> Sequence[Any]:
    """Return values of the same type: others are refused before they get far."""
    match value:
        case bool():
            return (not value,)
        case int():
            return _WHOLE
        case float():
            return _REAL
        case str():
            return _WORDS
        case _:
            return (None, [], {})


def _other(array: bytes, chance: random.Random) -> bytes:
    """Return an array of another shape, type or content; what cannot be read at all is for changes of bytes."""
    shape = chance.choice(((IMAGES, 3), (IMAGES, 1), (0, 3), (IMAGES,), (1, 3), (IMAGES, 2, 2), ()))
    if chance.random() < 0.3:
        return npy_bytes(np.full(shape, chance.choice((0, 2, -1, 1 << 62)), np.int64))
    made = np.full(shape, chance.choice((0.0, np.nan, np.inf, -1e38, 1.0)), np.float32)
    return array if chance.random() < 0.1 else npy_bytes(made)
