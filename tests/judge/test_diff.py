"""Two runs side by side: every pair of verdicts, what counts as worse, and what is only listed."""

from itertools import product

import pytest

from harness.evidence import CellKey
from harness.judge.diff import cell_change, diff, worse_verdict
from harness.results import (
    Cause,
    CellResult,
    DeviceResult,
    Effective,
    Extent,
    ModelResult,
    RunResults,
    Status,
    Thresholds,
    Timing,
    Verdict,
)

PASS, FAIL, NA, OPEN, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.NA, Verdict.INCONCLUSIVE, Verdict.ERROR

# From the row's verdict to the column's: w worse, b better, - neither, . no change.
TABLE = """
      PASS FAIL N/A  OPEN ERROR
PASS  .    w    w    w    w
FAIL  b    .    b    b    w
N/A   b    w    .    -    w
OPEN  b    w    -    .    w
ERROR b    w    b    b    .
"""
NAMES = {"PASS": PASS, "FAIL": FAIL, "N/A": NA, "OPEN": OPEN, "ERROR": ERROR}


def key(precision: str = "fp16", device: str = "a76", engine: str = "3.6.1") -> CellKey:
    return CellKey(device=device, model="b0", precision=precision, engine=engine)


def ran(extent: Extent = Extent.FULL, compute: str = "fp16") -> Effective:
    return Effective(weights="float32", compute=compute, in_effect=extent is Extent.FULL, extent=extent)


def cell(verdict: Verdict = PASS, where: CellKey | None = None, **more: object) -> CellResult:
    return CellResult.model_validate(
        {"key": where or key(), "status": Status.MEASURED, "verdict": verdict, "effective": ran(), **more}
    )


def timing(median: float, mad: float = 0.5, *, emulated: bool = False, stable: bool = True) -> Timing:
    return Timing(
        emulated=emulated, first_ms=median, median_ms=median, p90_ms=median, mad_ms=mad, stable=stable, grade=""
    )


def device(**changes: object) -> DeviceResult:
    facts = {"machine": "aarch64", "isa": ["fp16", "dot"]}
    return DeviceResult.model_validate({"name": "a76", "fingerprint": facts, **changes})


def run(*cells: CellResult, **changes: object) -> RunResults:
    whole: dict[str, object] = {
        "id": "r",
        "started": "",
        "wall_s": 0.0,
        "harness": "test",
        "thresholds": Thresholds(),
        "confidence": 0.95,
        "devices": (device(),),
        "models": (ModelResult(name="b0", source="", sha256="a", samples=10, labelled=True),),
        "precisions": ("fp32", "fp16"),
        "engines": ("3.6.1",),
        "cells": cells,
    }
    return RunResults.model_validate(whole | changes)


def expected_pairs() -> dict[tuple[Verdict, Verdict], str]:
    head, *lines = (line.split() for line in TABLE.strip().splitlines())
    return {
        (NAMES[row], NAMES[column]): mark for row, *marks in lines for column, mark in zip(head, marks, strict=True)
    }


def test_every_pair_of_verdicts() -> None:
    wanted = expected_pairs()
    assert set(wanted) == set(product(Verdict, repeat=2))
    for (before, after), mark in wanted.items():
        assert worse_verdict(before, after) == (mark == "w"), (before, after)
        change = cell_change(cell(before), cell(after))
        if mark == ".":
            assert change is None
        else:
            assert change is not None
            assert (change.worse, change.better, change.what) == (mark == "w", mark == "b", ("verdict",))
        both = diff(run(cell(before)), run(cell(after)))
        assert both.worse == (mark == "w")


def test_a_failure_that_the_later_run_knows_of_is_not_worse() -> None:
    change = cell_change(cell(PASS), cell(FAIL, expected="4 bits"))
    assert change is not None
    assert (change.worse, change.better) == (False, False)
    assert cell_change(cell(PASS), cell(ERROR, expected="4 bits")).worse  # type: ignore[union-attr]
    assert cell_change(cell(PASS, expected="old"), cell(FAIL)).worse  # type: ignore[union-attr]


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("extent", [Extent.PARTLY, Extent.NONE, Extent.UNPROVEN])
def test_a_precision_no_longer_wholly_in_effect_is_worse_under_the_same_verdict(
    verdict: Verdict, extent: Extent
) -> None:
    change = cell_change(cell(verdict), cell(verdict, effective=ran(extent)))
    back = cell_change(cell(verdict, effective=ran(extent)), cell(verdict))
    assert change is not None
    assert back is not None
    assert (change.what, change.worse, change.better) == (("what ran",), True, False)
    assert (back.worse, back.better) == (False, True)


def test_between_lesser_extents_nothing_is_worse() -> None:
    change = cell_change(cell(effective=ran(Extent.NONE)), cell(effective=ran(Extent.UNPROVEN)))
    assert change is not None
    assert (change.worse, change.better) == (False, False)


def test_cause_and_arithmetic_are_told_and_are_neither() -> None:
    change = cell_change(
        cell(FAIL, cause=Cause.ARITHMETIC), cell(FAIL, cause=Cause.DEVICE, effective=ran(compute="bf16"))
    )
    assert change is not None
    assert (change.what, change.worse, change.better) == (("cause", "what ran"), False, False)


def test_evidence_that_vanishes_is_worse() -> None:
    assert cell_change(cell(OPEN), cell(OPEN, effective=None)).worse  # type: ignore[union-attr]
    assert cell_change(cell(ERROR, effective=None), cell(ERROR, effective=None)) is None


def test_what_else_changes_in_a_cell_is_no_change() -> None:
    assert cell_change(cell(reason="a", variant="x"), cell(reason="b", timing=timing(3.0))) is None


def test_a_run_against_itself() -> None:
    whole = run(cell(timing=timing(10.0)), cell(FAIL, key("fp32")))
    found = diff(whole, whole)
    assert (found.cells, found.only_before, found.only_after, found.timings, found.settings) == ((), (), (), (), ())
    assert (found.compared, found.timed, found.worse) == (2, 1, False)


def test_cells_of_one_run_only_are_listed_and_not_worse() -> None:
    found = diff(run(cell(PASS), cell(PASS, key("fp32"))), run(cell(PASS), cell(FAIL, key("int8"))))
    assert [one.key.precision for one in found.only_before] == ["fp32"]
    assert [one.key.precision for one in found.only_after] == ["int8"]
    assert (found.compared, found.worse) == (1, False)


def test_two_engines_are_compared_with_each_other() -> None:
    new = run(cell(FAIL, key(engine="3.7.0")), engines=("3.7.0",))
    found = diff(run(cell(PASS)), new)
    assert (found.across_engines, found.compared, found.worse) == (True, 1, True)
    assert ("engines", "3.6.1", "3.7.0") in found.settings
    both = run(cell(PASS), cell(PASS, key(engine="3.7.0")), engines=("3.6.1", "3.7.0"))
    found = diff(both, new)
    assert (found.across_engines, found.compared, len(found.only_before)) == (False, 1, 1)


def test_what_was_asked_differently() -> None:
    other = run(
        cell(),
        thresholds=Thresholds(accuracy_drop_points=5.0, cosine=0.9),
        models=(ModelResult(name="b0", source="", sha256="b", samples=12, labelled=True),),
        versions={"onnxruntime": "2"},
    )
    assert diff(run(cell()), other).settings == (
        ("threshold accuracy_drop_points", "2.0", "5.0"),
        ("model b0", "a", "b"),
        ("samples of b0", "10", "12"),
        ("threshold cosine", "-", "0.9"),
        ("onnxruntime", "-", "2"),
    )


def timed(first: Timing, second: Timing, **changes: object) -> tuple[int, int, bool]:
    """How many timings were compared, how many moved, and whether that is worse."""
    found = diff(run(cell(timing=first)), run(cell(timing=second), **changes))
    return found.timed, len(found.timings), found.worse


def test_slower_beyond_noise_is_worse_on_hardware_only() -> None:
    """MADs 3 and 4: noise is 3 · 1.4826 · 5 = 22.239."""
    assert timed(timing(100, 3), timing(122.2, 4)) == (1, 0, False)
    assert timed(timing(100, 3), timing(122.3, 4)) == (1, 1, True)
    assert timed(timing(122.3, 3), timing(100, 4)) == (1, 1, False)
    assert timed(timing(100, 3, emulated=True), timing(900, 4, emulated=True)) == (1, 1, False)


def test_timings_that_must_not_be_compared() -> None:
    slow = timing(900)
    assert timed(timing(100, stable=False), slow)[0] == 0
    assert timed(timing(100), timing(900, stable=False))[0] == 0
    assert timed(timing(100, emulated=True), slow)[0] == 0
    assert timed(timing(100), timing(900, emulated=True))[0] == 0
    assert timed(timing(100), slow, devices=(device(fingerprint={"machine": "x86_64"}),))[0] == 0
    assert timed(timing(100), slow, devices=())[0] == 0
    assert timed(timing(100), slow)[0] == 1
