"""A small judged run that shows every kind of cell."""

from harness.errors import Code, Problem
from harness.evidence import CellKey, Failure, Operator
from harness.results import (
    Cause,
    CellResult,
    Certainty,
    DeviceResult,
    Effective,
    Extent,
    Flip,
    LossPart,
    LossSplit,
    Metrics,
    ModelResult,
    Numeric,
    Peers,
    RunResults,
    Status,
    Thresholds,
    Timing,
    Verdict,
)

ENGINE = "3.6.1"
FP32 = Effective(weights="float32", compute="fp32", proof=("backend", "values"), proven=True, in_effect=True)
FP16 = Effective(weights="float32", compute="fp16", proof=("backend", "values"), proven=True, in_effect=True)
NOT_FP16 = Effective(
    weights="float32",
    compute="fp32",
    proof=("backend", "values", "isa"),
    proven=True,
    in_effect=False,
    note="fp16 was not in effect: the device has no fp16 instructions",
)
UNPROVEN = Effective(
    weights="float32", compute="fp16+fp32", proof=("backend", "values"), note="backend and values disagree"
)


def key(device: str, precision: str, model: str = "b0", engine: str = ENGINE) -> CellKey:
    return CellKey(device=device, model=model, precision=precision, engine=engine)


def metrics(drop: float = 0.0, images: int = 60, nonfinite: int = 0) -> Metrics:
    return Metrics(
        images=images,
        nonfinite=nonfinite,
        cosine_min=0.9975 if not nonfinite else -float("inf"),
        cosine_median=0.9995,
        relative_l2_median=0.0302,
        max_abs=0.25 if not nonfinite else float("inf"),
        top1_agreement=0.95,
        agreement_interval=(0.8608, 0.9896),
        top1_accuracy=0.9 - drop / 100.0,
        reference_accuracy=0.9,
        accuracy_drop_points=drop,
        accuracy_drop_interval=(drop - 4.0, drop + 4.0),
    )


def timing(median: float, *, emulated: bool = False, stable: bool = True) -> Timing:
    return Timing(
        emulated=emulated,
        first_ms=2 * median,
        median_ms=median,
        p90_ms=1.1 * median,
        mad_ms=0.5 if stable else 0.25 * median,
        stable=stable,
        grade="stable" if stable else "noisy",
    )


def measured(
    cell: CellKey,
    verdict: Verdict,
    effective: Effective = FP16,
    *,
    found: Metrics | None = None,
    took: Timing | None = None,
    reason: str = "",
    cause: Cause | None = None,
) -> CellResult:
    return CellResult(
        key=cell,
        status=Status.MEASURED,
        verdict=verdict,
        cause=cause,
        reason=reason,
        effective=effective,
        metrics=found or metrics(),
        timing=took,
        variant="ab" * 32,
    )


def broken(cell: CellKey, problem: Problem, status: Status = Status.ERROR) -> CellResult:
    return CellResult(
        key=cell, status=status, verdict=Verdict.ERROR, reason=problem.message, failure=Failure.of(problem)
    )


def explained(cell: CellResult) -> CellResult:
    """The cell with everything that a verdict rests on: what fell back, how sure, split, peers, flips."""
    fallback = Operator(name="/stem/conv", type="Convolution", share=0.125)
    ran = {"extent": Extent.PARTLY, "share": 0.875, "fallbacks": (fallback,)}
    split = LossSplit(
        conversion=LossPart(images=60, relative_l2_median=1.25e-5, flips=0, drop_points=0.0),
        arithmetic=LossPart(images=60, relative_l2_median=0.0302, flips=4, drop_points=5.0),
        device=LossPart(images=60, relative_l2_median=float("inf"), flips=1),
        floor=LossPart(images=60, relative_l2_median=0.0121, flips=1, drop_points=0.0),
        dominant=Cause.ARITHMETIC,
        note="the kernels lose 2.5 times what fp16 must",
    )
    return cell.model_copy(
        update={
            "cause": Cause.ARITHMETIC,
            "effective": (cell.effective or FP16).model_copy(update=ran),
            "certainty": Certainty(confidence=0.95, method="spending", decided_at=50),
            "split": split,
            "peers": Peers(
                equal=("b-01",), unequal=("b-02",), odd="b-02", asked_unequal=("max-01",), asked_odd="max-01"
            ),
            "flips": (
                Flip(image=7, reference=3, given=5, label=3, margin=0.001),
                Flip(image=30, reference=1, given=None, margin=4.25),
            ),
            "numeric": Numeric(relative_l2=False, cosine=True),
            "shared_with": key("a72-01", "fp32"),
            "expected": "4-bit weights, see the log",
        }
    )


def cells() -> tuple[CellResult, ...]:
    lost = Problem(Code.CONNECTION_LOST, "the link to phone-01 broke after 12 of 60 images")
    return (
        measured(key("pi5-01", "fp32"), Verdict.PASS, FP32, took=timing(30.0)),
        measured(
            key("pi5-01", "fp16"),
            Verdict.FAIL,
            found=metrics(5.0),
            took=timing(20.0),
            reason="accuracy drops by 5.00 points, 2 are allowed",
        ),
        measured(
            key("pi5-01", "bf16"),
            Verdict.INCONCLUSIVE,
            UNPROVEN,
            took=timing(10.0),
            reason="what ran is not proven: backend and values disagree",
        ),
        measured(key("a72-01", "fp32"), Verdict.PASS, FP32, took=timing(700.0, emulated=True)),
        measured(
            key("a72-01", "fp16"),
            Verdict.NA,
            NOT_FP16,
            found=metrics(images=1),
            took=timing(350.0, emulated=True),
            reason="ran as fp32: fp16 was not in effect",
        ),
        CellResult(
            key=key("a72-01", "bf16"),
            status=Status.UNSUPPORTED,
            verdict=Verdict.NA,
            reason="no wheel for this Python",
        ),
        broken(key("phone-01", "fp32"), lost),
        measured(
            key("phone-01", "fp16"),
            Verdict.FAIL,
            found=metrics(1.0, nonfinite=2),
            reason="2 of 60 images have outputs that are not finite",
            cause=Cause.NON_FINITE,
        ),
        broken(key("phone-01", "bf16"), Problem(Code.INTERRUPTED, "not measured yet"), Status.PENDING),
    )


def devices() -> tuple[DeviceResult, ...]:
    return (
        DeviceResult(
            name="pi5-01",
            labels={"core": "cortex-a76"},
            fingerprint={
                "machine": "aarch64",
                "isa": ["fp16", "dot"],
                "python": "3.11.2",
                "engine": ENGINE,
                "cpus": [0, 1],
                "governor": None,
                "temperatures": {"cpu": 48.5},
            },
            sent_bytes=36_000_000,
        ),
        DeviceResult(
            name="a72-01",
            emulated=True,
            labels={"core": "cortex-a72"},
            fingerprint={"machine": "aarch64", "isa": [], "python": "3.11.2", "engine": ENGINE},
        ),
        DeviceResult(
            name="phone-01",
            kind="phone",
            failure=Failure.of(Problem(Code.CONNECTION_LOST, "the link to phone-01 broke")),
        ),
    )


def results(**changes: object) -> RunResults:
    run = RunResults(
        id="20260101-120000",
        started="2026-01-01T12:00:00+00:00",
        wall_s=123.4,
        harness="0.1.0",
        thresholds=Thresholds(),
        confidence=0.95,
        devices=devices(),
        models=(ModelResult(name="b0", source="bundled: b0", sha256="cd" * 32, samples=60, labelled=True),),
        precisions=("fp32", "fp16", "bf16"),
        engines=(ENGINE,),
        cells=cells(),
        counts={"bytes sent": 36_000_000, "variants converted": 2},
        versions={"onnxruntime": "1.27.0"},
    )
    return run.model_copy(update=changes)
