"""Run folders on disk: two boards, fp32, one right on every image, the other wrong on some."""

from contextlib import closing
from pathlib import Path

import numpy as np

from harness.dispatch.arrays import ArrayStore
from harness.dispatch.events import CellFinished, DeviceReady, RunEnded, RunStarted
from harness.dispatch.journal import Journal
from harness.dispatch.snapshot import DeviceNote, Expected, ModelNote
from harness.evidence import CellEvidence, DeviceEvidence, RawTiming
from harness.results import ModelResult
from tests.dispatch.builders import AT, key, snapshot
from tests.judge.builders import FP32_RUN

IMAGES = 400
FACTS = {"machine": "aarch64", "isa": ["fp16", "dot"], "python": "3.11.2"}
REASON = "a soldering fault"


def run_folder(
    folder: Path,
    *,
    wrong: int = 40,
    known: bool = False,
    took_ms: float = 10.0,
    emulated: bool = True,
    devices: tuple[str, ...] = ("a76", "a53"),
    **changes: object,
) -> Path:
    """Write the folder of a run in which the last device is wrong on `wrong` of 400 images."""
    store = ArrayStore(folder)
    labels = np.arange(IMAGES, dtype=np.int64) % 10
    reference = np.eye(10, dtype=np.float32)[labels]
    turned = reference.copy()
    # Spread evenly: a run that is looked at batch by batch sees the same share of wrong ones each time.
    places = np.arange(wrong) * IMAGES // max(wrong, 1)
    turned[places] = np.roll(reference[places], 1, axis=1)
    result = ModelResult(name="b0", source="b0.onnx", sha256="1" * 64, samples=IMAGES, labelled=True)
    model = ModelNote(result=result, reference=store.save(reference), labels=store.save(labels), output_name="logits")
    whole = {
        "models": (model,),
        "devices": tuple(DeviceNote(name=name, kind="board", emulated=emulated, labels={}) for name in devices),
        "cells": tuple(key("fp32", name) for name in devices),
        "known_failures": (Expected(device="a53", model="b0", precision="fp32", reason=REASON),) if known else (),
    }
    with closing(Journal(folder)) as journal:
        journal.write(RunStarted(at=AT, snapshot=snapshot(**{**whole, **changes})))
        for name in devices:
            journal.write(DeviceReady(at=AT, device=DeviceEvidence(name=name, facts=FACTS)))
            outputs = turned if name == devices[-1] else reference
            journal.write(CellFinished(at=AT, evidence=_evidence(name, store.save(outputs), took_ms)))
        journal.write(RunEnded(at=AT, wall_s=30.0, interrupted=False, counts={"cells_measured": len(devices)}))
    return folder


def _evidence(device: str, outputs: str, took_ms: float) -> CellEvidence:
    return CellEvidence(
        key=key("fp32", device),
        images=IMAGES,
        outputs=outputs,
        output_name="logits",
        probe=FP32_RUN,
        timing=RawTiming(first_ms=2 * took_ms, samples_ms=(took_ms,) * 9, output_unchanged=True),
        variant="f" * 64,
    )
