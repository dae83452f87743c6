"""Repairs are dealt out among devices that are alike, and sensitive layers are those in which the error is made."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.commands.remedy import Chosen, _cells
from harness.diagnose import treating
from harness.diagnose.look import Question, Seen, Subject
from harness.diagnose.outcome import outcome
from harness.diagnose.remedies import Kind, Repair
from harness.diagnose.repairing import alike
from harness.diagnose.treating import Budget, Treating, aim, guilty
from harness.diagnosis import Point
from harness.errors import InputError
from harness.precision import CATALOGUE
from harness.results import CellResult, DeviceResult, Status, Verdict
from tests.diagnose.findings import explanation
from tests.report.builders import key, metrics, results


def cell(device: str, verdict: Verdict = Verdict.FAIL, precision: str = "fp16") -> CellResult:
    return CellResult(key=key(device, precision), status=Status.MEASURED, verdict=verdict, metrics=metrics(10.0))


def point(name: str, made: float | None) -> Point:
    return Point(name=name, type="Convolution", block="b", error=made, made=made)


def test_layers_that_make_most_of_the_error_are_kept_float_the_worst_first() -> None:
    found = explanation(
        depth=(point("a", 0.01), point("b", 0.08), point("pool", 0.5), point("c", 0.06), point("d", None))
    )
    # Squares 1, 64 and 36: the two worst are 99 of 101.
    assert guilty(found, {"a", "b", "c", "d"}) == ("b", "c")


def test_without_an_explanation_no_layer_is_guilty() -> None:
    assert guilty(None, {"a"}) == ()
    assert guilty(explanation(), {"a"}) == ()


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=40))
def test_as_few_layers_as_make_nine_tenths(made: list[float]) -> None:
    points = tuple(point(str(number), error) for number, error in enumerate(made))
    chosen = guilty(explanation(depth=points), {point.name for point in points})
    squares = [made[int(name)] ** 2 for name in chosen]
    whole = sum(error**2 for error in made)
    assert squares == sorted(squares, reverse=True)
    assert sum(squares[:-1]) < 0.9 * whole
    assert len(chosen) == 24 or sum(squares) >= 0.9 * whole * (1 - 1e-9)


def repair(number: int, engine: str = "3.6.1") -> Repair:
    precision = CATALOGUE[list(CATALOGUE)[number]]
    return Repair(Kind.WEIGHTS, precision.name, precision, engine)


def test_repairs_are_dealt_out_among_like_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []

    def look(_subject: Subject, question: Question) -> Seen:
        asked.append(question)
        return cast(Seen, question)

    monkeypatch.setattr(treating, "look", look)
    work = Treating(cast(Any, None), results(), Budget(), {})
    group = [cell(name) for name in ("a", "b", "c")]
    chosen = [*(repair(number) for number in range(7)), repair(7, "3.2.0")]
    seen = work._try(group, chosen)
    assert list(seen) == ["3.6.1", "3.2.0"]
    first, second = asked
    assert sorted(name for _, name in first.focus.cells) == sorted(one.precision.name for one in chosen[:7])
    shares = [sum(device == name for device, _ in first.focus.cells) for name in ("a", "b", "c")]
    assert sorted(shares) == [2, 2, 3]
    assert (first.engines, second.engines) == (("3.6.1",), ("3.2.0",))
    assert second.focus.cells == {("a", chosen[7].precision.name)}


def device(name: str, *isa: str) -> DeviceResult:
    return DeviceResult(name=name, fingerprint={"machine": "aarch64", "isa": list(isa)})


def test_devices_with_the_same_instruction_set_are_alike() -> None:
    run = results(devices=(device("a", "fp16", "dot"), device("b", "fp16"), device("c", "fp16", "dot")), cells=())
    groups = alike(run, [cell("a"), cell("b"), cell("c"), cell("a", precision="w8")])
    assert [[one.key.device for one in group] for group in groups] == [["a", "c"], ["b"], ["a"]]


@pytest.mark.parametrize(
    ("verdict", "error", "expected"),
    [
        (Verdict.FAIL, 0.03, None),
        (Verdict.PASS, 0.03, 0.003),
        (Verdict.INCONCLUSIVE, 0.5, 0.05),
        (Verdict.PASS, None, None),
    ],
)
def test_what_does_not_fail_is_to_come_closer(verdict: Verdict, error: float | None, expected: float | None) -> None:
    found = cell("a", verdict).model_copy(
        update={"metrics": metrics().model_copy(update={"relative_l2_median": error})}
    )
    assert aim(found) == (None if expected is None else pytest.approx(expected))


def test_a_repair_dealt_to_a_like_device_stands_for_all() -> None:
    chosen = Repair(Kind.WEIGHTS, "t", CATALOGUE["w8"], "3.6.1")
    measured = cell("b", Verdict.PASS, "w8")
    seen = cast(Seen, SimpleNamespace(
        results=results(cells=(measured,)), stored=SimpleNamespace(devices=()), size=lambda *_: 7
    ))  # fmt: skip
    found = outcome(chosen, cell("a"), seen, results(), ("a", "b"))
    assert found is not None
    assert (found.key, found.verdict, found.size) == (measured.key, Verdict.PASS, 7)
    assert outcome(chosen, cell("a"), seen, results()) is None


def test_what_fails_is_repaired_and_what_is_named() -> None:
    run = results(cells=(cell("a"), cell("b", Verdict.PASS), cell("c", Verdict.NA), cell("d", Verdict.INCONCLUSIVE)))
    assert [one.key.device for one in _cells(run, Chosen())] == ["a"]
    assert [one.key.device for one in _cells(run, Chosen(precision="fp16"))] == ["a", "b", "d"]
    assert [one.key.device for one in _cells(run, Chosen(device="b", precision="fp16"))] == ["b"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [(Chosen(device="x"), "no such cell"), (Chosen(device="b"), "nothing to repair"), (Chosen(model="x"), "no such")],
)
def test_nothing_to_repair_is_said(chosen: Chosen, words: str) -> None:
    with pytest.raises(InputError, match=words):
        _cells(results(cells=(cell("a"), cell("b", Verdict.PASS))), chosen)
