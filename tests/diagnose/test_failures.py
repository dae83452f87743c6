"""What a run explains by itself: each failure once, within its budget, and what was left with the reason."""

import pytest

from harness.config.experiment import DiagnosisPlan
from harness.diagnose.explaining import Looked, chosen_images
from harness.diagnose.failures import explain_failures, to_explain
from harness.diagnose.scoring import reduced
from harness.errors import Code, FarmError
from harness.precision import CATALOGUE, Compute, Memory, Precision, Weights
from harness.results import CellResult, Flip, Peers, Status, Verdict
from tests.diagnose.findings import explanation
from tests.report.builders import key, metrics, results


def cell(device: str, verdict: Verdict = Verdict.FAIL, **changes: object) -> CellResult:
    fields = {"key": key(device, "fp16"), "status": Status.MEASURED, "verdict": verdict, "metrics": metrics(10.0)}
    return CellResult.model_validate({**fields, **changes})


def test_failures_are_explained_and_nothing_else() -> None:
    cells = tuple(cell(verdict.name, verdict) for verdict in Verdict)
    assert [one.key.device for one in to_explain(results(cells=cells))] == ["FAIL"]


def test_of_those_that_agree_to_the_bit_one_is_explained() -> None:
    cells = (cell("a", peers=Peers(equal=("b",))), cell("b", peers=Peers(equal=("a",))), cell("c"))
    assert [one.key.device for one in to_explain(results(cells=cells))] == ["a", "c"]


def test_what_was_explained_is_not_explained_again() -> None:
    cells = (cell("a"), cell("b"))
    assert [one.key.device for one in to_explain(results(cells=cells), [key("a", "fp16")])] == ["b"]


def test_what_cannot_be_looked_into_does_not_end_it() -> None:
    def explain(one: CellResult) -> Looked:
        if one.key.device == "a":
            raise FarmError(Code.DEVICE_UNREACHABLE, "gone")
        return Looked(explanation(), None)

    found = explain_failures([cell("a"), cell("b")], explain, DiagnosisPlan())
    assert len(found.explanations) == 1
    assert found.scores == ()
    (left,) = found.left
    assert "gone" in left


def test_the_budget_is_kept_and_what_was_left_is_said() -> None:
    times = iter([0.0, 0.0, 59.0, 61.0])
    plan = DiagnosisPlan(minutes=1.0)
    found = explain_failures(
        [cell("a"), cell("b"), cell("c")], lambda _: Looked(explanation(), None), plan, clock=lambda: next(times)
    )
    assert len(found.explanations) == 2
    assert "budget of 1 minutes" in found.left[0]


def flip(image: int) -> Flip:
    return Flip(image=image, reference=0, given=1, margin=0.5)


@pytest.mark.parametrize(
    ("flips", "count", "expected"),
    [((), 3, (0, 1, 2)), ((7, 2), 4, (7, 2, 0, 1)), ((7, 2, 5), 2, (7, 2)), ((0,), 3, (0, 1, 2))],
)
def test_flipped_images_come_first(flips: tuple[int, ...], count: int, expected: tuple[int, ...]) -> None:
    assert chosen_images(cell("a", flips=tuple(map(flip, flips))), count) == expected


def test_no_more_images_than_were_measured() -> None:
    assert chosen_images(cell("a", metrics=metrics(images=2)), 5) == (0, 1)
    assert chosen_images(cell("a", metrics=None), 5) == ()


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (CATALOGUE["fp16"], "fp16"),
        (CATALOGUE["fp16-full"], "fp16"),
        (CATALOGUE["fp16-weights"], "fp16-weights"),
        (CATALOGUE["w8"], "w8"),
        (Precision("w4", Weights(bits=4)), "w4"),
        (CATALOGUE["fp32"], None),
        (CATALOGUE["w8-lowmem"], None),
        (CATALOGUE["int8"], None),
        (CATALOGUE["bf16"], None),
        (Precision("w8-fp16", Weights(bits=8), Compute.FP16, Memory.NORMAL), None),
    ],
)
def test_the_lint_is_held_only_to_what_it_foretells(asked: Precision, known: str | None) -> None:
    found = reduced(asked)
    assert (None if found is None else str(found)) == known
