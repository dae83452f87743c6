"""Cells, events and snapshots with little to say, for tests that are about something else."""

from pathlib import Path

import numpy as np

from harness.config.inventory import Device
from harness.dispatch.events import CellFinished, CellStarted, DeviceReady, RunEnded, RunStarted
from harness.dispatch.jobs import CellJob
from harness.dispatch.snapshot import DeviceNote, ModelNote, Snapshot
from harness.errors import Code, Problem
from harness.evidence import CellEvidence, CellKey, DeviceEvidence, Failure, Probe, RawTiming
from harness.fleet.client import Batch
from harness.precision import CATALOGUE
from harness.results import ModelResult, Thresholds

AT = "2026-01-02T03:04:05.678+00:00"
BOARD = Device(name="a76", host="a76.lab")
LOST = Problem(Code.CONNECTION_LOST, "the link is gone")


def key(precision: str = "fp32", device: str = "a76", model: str = "b0") -> CellKey:
    return CellKey(device=device, model=model, precision=precision, engine="3.6.1")


def job(precision: str = "fp32", counts: tuple[int, ...] = (25, 10), device: str = "a76") -> CellJob:
    batches = tuple(Batch(f"{number:064x}", count, (0.5,), (0.25,)) for number, count in enumerate(counts))
    return CellJob(
        key=key(precision, device),
        precision=CATALOGUE[precision],
        variant="f" * 64,
        input_name="image",
        output_name="logits",
        batches=batches,
        warmup=3,
        repeats=10,
    )


def measured(cell: CellKey, **more: object) -> CellEvidence:
    full: dict[str, object] = {
        "images": 35,
        "outputs": "0" * 64,
        "output_name": "logits",
        "probe": Probe(session_backend=0, tensors=90),
        "timing": RawTiming(first_ms=9.5, samples_ms=(3.25, 4.0), output_unchanged=True),
        "variant": "f" * 64,
        "wall_s": 12.5,
        "max_rss_mb": 80.25,
    }
    return CellEvidence.model_validate({"key": cell, **full, **more})


def failed(cell: CellKey, problem: Problem = LOST) -> CellEvidence:
    return CellEvidence(key=cell, failure=Failure.of(problem))


def snapshot(**changes: object) -> Snapshot:
    whole: dict[str, object] = {
        "run": "run-1",
        "harness": "0.1.0",
        "devices": (DeviceNote(name="a76", kind="board", emulated=True, labels={"soc": "x"}),),
        "models": (
            ModelNote(
                result=ModelResult(name="b0", source="b0.onnx", sha256="1" * 64, samples=35, labelled=False),
                reference=None,
                labels=None,
                output_name="logits",
            ),
        ),
        "precisions": (CATALOGUE["fp32"], CATALOGUE["w8-block32-lowmem"]),
        "engines": ("3.6.1",),
        "cells": (key("fp32"), key("w8-block32-lowmem")),
        "thresholds": Thresholds(),
        "confidence": 0.95,
        "known_failures": (),
        "identity": {"inventory": "i", "experiment": "e"},
        "versions": {"python": "3.11"},
    }
    return Snapshot.model_validate(whole | changes)


def started(at: str = AT, **changes: object) -> RunStarted:
    return RunStarted(at=at, snapshot=snapshot(**changes))


def finished(evidence: CellEvidence) -> CellFinished:
    return CellFinished(at=AT, evidence=evidence)


def ready(**fields: object) -> DeviceReady:
    return DeviceReady(at=AT, device=DeviceEvidence.model_validate({"name": "a76", **fields}))


def begun(precision: str = "fp32") -> CellStarted:
    return CellStarted(at=AT, key=key(precision))


def ended(wall_s: float = 30.0, **counts: int) -> RunEnded:
    return RunEnded(at=AT, wall_s=wall_s, interrupted=False, counts=counts)


def floats(*shape: int) -> np.typing.NDArray[np.float32]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path
