"""A stored run, as the judge takes it: what was planned, who took part, what was observed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.evidence import CellEvidence, CellKey, DeviceEvidence, Failure
from harness.judge.shapes import Outputs
from harness.precision import Memory, Precision, Weights
from harness.results import ModelResult, Steady, Thresholds

OutputLoader = Callable[[str], Outputs]
"""Loads an array by the sha256 of its .npy file; raises FarmError(evidence-missing)."""


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device of the inventory and what it told about itself, if it was reached."""

    name: str
    kind: str = "board"
    emulated: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    evidence: DeviceEvidence | None = None
    threads: int = 4
    steady: Steady = field(default_factory=Steady)

    @property
    def machine(self) -> str:
        """`uname -m` of the device; '' where it is not known."""
        machine = self.evidence.facts.get("machine") if self.evidence else None
        return machine if isinstance(machine, str) else ""

    @property
    def isa(self) -> tuple[str, ...]:
        """The instruction set extensions that the device reported: fp16, dot, i8mm, ... ."""
        isa = self.evidence.facts.get("isa") if self.evidence else None
        return tuple(str(name) for name in isa) if isinstance(isa, list | tuple) else ()


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model with its reference.

    Attributes:
        result: the model as the report shows it; `result.labelled` says whether labels must be there.
        reference: float32 [N, K] by onnxruntime on the coordinator.
        labels: integers [N], or None where the samples have none.
        output_name: name of the judged output; None: names are not compared.
        failure: why there is no reference.
        host: float32 [N, K] by each variant's file on the coordinator at precision high, by weights and memory.
        sizes: of the variants' files, bytes, where they were written down.
        floor: float32 [N, K] by onnxruntime with float16 rounding between operators.
    """

    result: ModelResult
    reference: Outputs | None
    labels: NDArray[np.integer] | None = None
    output_name: str | None = None
    failure: Failure | None = None
    host: Mapping[tuple[Weights, Memory], Outputs] = field(default_factory=dict)
    floor: Outputs | None = None
    sizes: Mapping[Weights, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A cell that is expected to fail, under any engine, and why."""

    device: str
    model: str
    precision: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoredRun:
    """Everything that a judgement depends on.

    `evidence` of a cell that is not in `planned` is not looked at. `planned` decides the order of the cells.
    `batch`: images between two looks at a cell, where its evidence does not say when it was looked at.
    """

    id: str
    started: str
    wall_s: float
    thresholds: Thresholds
    confidence: float
    precisions: tuple[Precision, ...]
    engines: tuple[str, ...]
    planned: tuple[CellKey, ...]
    devices: tuple[DeviceRecord, ...]
    models: tuple[ModelRecord, ...]
    evidence: Mapping[CellKey, CellEvidence]
    outputs: OutputLoader
    harness: str
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    known_failures: tuple[KnownFailure, ...] = ()
    batch: int = 25
