"""Which repairs apply, in which order, how they are set, and which of those that pass is best."""

import pytest

from harness.diagnose.outcome import best_of
from harness.diagnose.remedies import Kind, repairs
from harness.diagnose.settings import settings
from harness.diagnosis import Remedy
from harness.precision import CATALOGUE, REWRITES, Compute, Memory, Precision, Weights
from harness.results import Verdict
from tests.diagnose.findings import KEY


def titles(asked: str | Precision, **more: object) -> list[str]:
    precision = CATALOGUE[asked] if isinstance(asked, str) else asked
    return [repair.title for repair in repairs(precision, engine="3.6.1", **more)]  # type: ignore[arg-type]


def test_repairs_of_fp16_cheapest_first() -> None:
    found = repairs(CATALOGUE["fp16"], engine="3.6.1", engines=("3.6.1", "3.2.0"))
    kinds = [repair.kind for repair in found]
    assert kinds == [
        Kind.HINT, *[Kind.REWRITE] * (len(REWRITES) + 1), Kind.ENGINE, Kind.ADVICE, Kind.FP32,
    ]  # fmt: skip
    assert found[0].precision.hints == (("winograd", 1),)
    assert [one.precision.weights.rewrites for one in found[1 : 1 + len(REWRITES)]] == [(name,) for name in REWRITES]
    upgrade = found[kinds.index(Kind.ENGINE)]
    assert (upgrade.precision, upgrade.engine) == (CATALOGUE["fp16"], "3.2.0")


def test_rewrites_that_change_something_are_also_made_together() -> None:
    some = repairs(CATALOGUE["fp16"], engine="3.6.1", rewrites=("mean-pool", "scale-attention"))
    (both,) = [one for one in some if one.precision.name == "fp16+rewrites"]
    assert both.precision.weights.rewrites == ("mean-pool", "scale-attention")
    assert both.precision.hints == (("winograd", 1),)
    assert both.title == "rewritten: mean-pool, scale-attention; fewer Winograd units"
    none = repairs(CATALOGUE["fp16"], engine="3.6.1", rewrites=())
    assert [one.precision.weights.rewrites for one in none if one.kind is Kind.REWRITE] == [(n,) for n in REWRITES]


def test_the_usual_advice_is_among_them() -> None:
    (advice,) = [one for one in repairs(CATALOGUE["fp16"], engine="3.6.1") if one.kind is Kind.ADVICE]
    asked = advice.precision
    assert (asked.weights, asked.compute, asked.memory) == (Weights(bits=8), Compute.FP16, Memory.LOW)


def test_repairs_of_weights() -> None:
    found = titles("w8-lowmem", layers=("conv1", "conv2"))
    assert found == [
        "a scale for 32 channels",
        "half-quadratic weights",
        "memory normal: float arithmetic",
        "2 sensitive layers kept float",
        "8-bit weights, memory low",
        "fp16 instead",
        "fp32",
    ]


def test_the_usual_advice_may_spare_the_sensitive_layers() -> None:
    (kept,) = [
        one for one in repairs(CATALOGUE["fp16"], engine="3.6.1", layers=("b", "a")) if one.kind is Kind.LAYERS
    ]
    asked = kept.precision
    assert (asked.weights, asked.compute, asked.memory) == (
        Weights(bits=8, keep_float=("a", "b")), Compute.FP16, Memory.LOW,
    )  # fmt: skip


def test_four_bits_may_become_eight() -> None:
    found = {one.title: one.precision.weights for one in repairs(CATALOGUE["w4-block32-lowmem"], engine="3.6.1")}
    assert found["8 bits"] == Weights(bits=8, block=32)
    assert "a scale for 32 channels" not in found


def test_calibrated_int8_keeps_layers_float() -> None:
    (kept,) = [one for one in repairs(CATALOGUE["int8"], engine="3.6.1", layers=("a",)) if one.kind is Kind.LAYERS]
    assert kept.precision.weights == Weights(calibrated=True, keep_float=("a",))


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_repair_is_what_failed_or_another_one_again(name: str) -> None:
    def content(precision: Precision) -> tuple[object, ...]:
        return (precision.weights, precision.compute, precision.memory, precision.hints)

    found = repairs(CATALOGUE[name], engine="3.6.1", layers=("a",))
    contents = [content(one.precision) for one in found]
    assert len(set(contents)) == len(contents)
    assert content(CATALOGUE[name]) not in contents
    names = [one.precision.name for one in found]
    assert len(set(names)) == len(names)


def test_fp32_has_no_fp32_to_fall_back_to() -> None:
    assert titles("fp32") == ["8-bit weights, memory low"]


def test_settings_to_paste() -> None:
    asked = Precision("x", Weights(bits=8, block=32, hqq=True), Compute.FP16, Memory.LOW, hints=(("winograd", 1),))
    lines = settings(asked, engine="3.6.1", threads=4).splitlines()
    assert "converter flags: --weightQuantBits 8 --weightQuantBlock 32 --hqq=1" in lines
    runtime = '{"backend": 0, "numThread": 4, "precision": 2, "memory": 2, "power": 0}'
    assert f"Python: nn.create_runtime_manager(({runtime},))" in lines
    assert "C++: BackendConfig: precision Precision_Low, memory Memory_Low" in lines
    assert any(line.startswith("hint: set_hint(3, 1)") for line in lines)


def test_settings_of_rewrites_and_float_layers() -> None:
    asked = Precision("x", Weights(bits=4, keep_float=("a", "b"), rewrites=("epsilon",)))
    text = settings(asked, engine="3.6.1", threads=1)
    assert "ONNX, before conversion: epsilon" in text
    assert '"bits": 0 in --compressionParamsFile): a, b' in text


def remedy(kind: Kind, verdict: Verdict = Verdict.PASS, **changes: object) -> Remedy:
    return Remedy.model_validate({"kind": str(kind), "title": str(kind), "key": KEY, "verdict": verdict, **changes})


def test_the_best_leaves_most_in_the_reduced_arithmetic() -> None:
    tried = [
        remedy(Kind.MIXED, reduced_share=0.6),
        remedy(Kind.MIXED, reduced_share=0.8, title="more"),
        remedy(Kind.ADVICE, Verdict.FAIL, reduced_share=1.0),
        remedy(Kind.FP32, reduced_share=0.0),
    ]
    best = best_of(tried)
    assert best is not None
    assert best.title == "more"


def test_where_a_cell_is_to_come_closer_a_pass_alone_is_not_enough() -> None:
    cheap, near = remedy(Kind.HINT, relative_l2=0.03, reduced_share=1.0), remedy(Kind.MIXED, relative_l2=0.003)
    assert best_of([cheap, near]) == cheap
    assert best_of([cheap, near], aim=0.003) == near
    assert best_of([cheap, near], aim=0.0029) is None
    assert best_of([remedy(Kind.HINT)], aim=1.0) is None


def test_fp32_is_the_last_resort() -> None:
    fp32 = remedy(Kind.FP32, reduced_share=0.0, speed_up=1.0)
    slow = remedy(Kind.MIXED, reduced_share=0.1, speed_up=0.9)
    assert best_of([fp32, slow]) == slow
    assert best_of([fp32, remedy(Kind.MIXED, Verdict.FAIL)]) == fp32


def test_on_hardware_the_fastest_is_best() -> None:
    tried = [remedy(Kind.HINT, reduced_share=1.0, speed_up=1.5), remedy(Kind.MIXED, reduced_share=0.5, speed_up=1.6)]
    assert best_of(tried) == tried[1]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NA, Verdict.ERROR])
def test_what_does_not_pass_is_no_remedy(verdict: Verdict) -> None:
    assert best_of([remedy(Kind.HINT, verdict), remedy(Kind.FP32, verdict)]) is None
