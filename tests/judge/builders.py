"""Evidence and stored runs for the judge's tests."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.evidence import CellEvidence, CellKey, DeviceEvidence, Operator, Probe, RawTiming
from harness.judge.run import judge
from harness.judge.shapes import Outputs
from harness.judge.stored import DeviceRecord, ModelRecord, StoredRun
from harness.precision import CATALOGUE, Memory, Weights
from harness.results import CellResult, ModelResult, Thresholds

ENGINE = "3.6.1"
SHA = "0" * 64

# What the probe told about EfficientViT-B0 (224 x 224, MNN 3.6.1) on emulated cortex-a76, cortex-a72 and a64fx.
FP32_RUN = Probe(session_backend=0, session_equals_module=True, tensors=314, half_tensors=0, half_flops_share=0.0)
FP16_RUN = Probe(
    session_backend=13,
    session_equals_module=True,
    tensors=314,
    half_tensors=314,
    half_tensors_high=0,
    half_flops_share=1.0,
    equals_high=False,
)
FP16_ON_A72 = FP16_RUN.model_copy(update={"session_backend": 0, "half_tensors": 0, "half_flops_share": 0.0})
A64FX_LOW_MEMORY = FP16_RUN.model_copy(update={"half_tensors": 209, "half_flops_share": 0.1527})
LOW_MEMORY_RUN = FP32_RUN.model_copy(
    update={
        "equals_high": False,
        "half_tensors_high": 0,
        "int8_typed_share": 0.0,
        "int8_share": 0.875,
        "half_rest_share": 0.0,
        "float_operators": (Operator(name="depth", type="ConvolutionDepthwise", share=0.125),),
    }
)


def answers(images: int = 200, classes: int = 10, seed: int = 0) -> Outputs:
    """Random logits float32 [images, classes] whose rows are all different."""
    return np.random.default_rng(seed).normal(size=(images, classes)).astype(np.float32)


def key(precision: str = "fp32") -> CellKey:
    return CellKey(device="board", model="b0", precision=precision, engine=ENGINE)


def evidence(outputs: Outputs | None, precision: str = "fp32", probe: Probe | None = FP32_RUN) -> CellEvidence:
    images = 0 if outputs is None else len(outputs)
    return CellEvidence(key=key(precision), images=images, outputs=None if outputs is None else SHA, probe=probe)


def timed(*samples_ms: float, first_ms: float = 20.0, unchanged: bool = True) -> RawTiming:
    return RawTiming(first_ms=first_ms, samples_ms=samples_ms, output_unchanged=unchanged)


class Arrays:
    """An output loader over a dictionary."""

    def __init__(self, arrays: Mapping[str, Outputs | None]) -> None:
        self._arrays = arrays

    def __call__(self, sha: str) -> Outputs:
        array = self._arrays.get(sha)
        if array is None:
            raise FarmError(Code.EVIDENCE_MISSING, f"no array {sha}")
        return array


def board(isa: tuple[str, ...] = ("fp16", "dot"), machine: str = "aarch64", **changes: object) -> DeviceRecord:
    facts = {"machine": machine, "isa": list(isa), "python": "3.11.2"}
    record = DeviceRecord("board", evidence=DeviceEvidence(name="board", facts=facts))
    return replace(record, **changes)  # type: ignore[arg-type]


def model(reference: Outputs | None, labels: NDArray[np.int64] | None = None, **changes: object) -> ModelRecord:
    result = ModelResult(
        name="b0",
        source="test",
        sha256=SHA,
        samples=0 if reference is None else len(reference),
        labelled=labels is not None,
    )
    return replace(ModelRecord(result, reference, labels), **changes)  # type: ignore[arg-type]


def files(reference: Outputs) -> dict[tuple[Weights, Memory], Outputs]:
    """What the files of the catalogue answer on the coordinator: the fp32 file the reference, each other its own."""
    kinds = dict.fromkeys(precision.weights for precision in CATALOGUE.values())
    return {
        (weights, Memory.NORMAL): np.asarray(reference * (1 + 0.01 * number), np.float32)
        for number, weights in enumerate(kinds)
    }


def stored(
    found: CellEvidence | None,
    outputs: Outputs | None,
    judged: ModelRecord,
    device: DeviceRecord | None = None,
    planned: CellKey | None = None,
) -> StoredRun:
    """A run of one cell."""
    cell = planned or (found.key if found else key())
    return StoredRun(
        id="run",
        started="2026-01-01T00:00:00+00:00",
        wall_s=1.0,
        thresholds=Thresholds(),
        confidence=0.95,
        precisions=(CATALOGUE[cell.precision],),
        engines=(ENGINE,),
        planned=(cell,),
        devices=(device or board(),),
        models=(judged,),
        evidence={cell: found} if found else {},
        outputs=Arrays({SHA: outputs}),
        harness="test",
    )


def verdict_on(
    outputs: Outputs | None,
    reference: Outputs | None,
    labels: NDArray[np.int64] | None = None,
    *,
    precision: str = "fp32",
    probe: Probe | None = FP32_RUN,
    device: DeviceRecord | None = None,
) -> CellResult:
    """Judge one cell that answered `outputs`."""
    found = evidence(outputs, precision, probe)
    return judge(stored(found, outputs, model(reference, labels), device)).cells[0]
