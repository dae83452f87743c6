"""Exit codes: by the contract, over every combination of up to three cells."""

from itertools import product

import pytest

from harness.evidence import CellKey
from harness.judge.exit_code import breaks_gate, exit_code
from harness.results import CellResult, RunResults, Status, Thresholds, Verdict

PASS, FAIL, NA, OPEN, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.NA, Verdict.INCONCLUSIVE, Verdict.ERROR
STATUS = {ERROR: Status.ERROR, NA: Status.UNSUPPORTED}


def cell(verdict: Verdict, expected: str | None = None, status: Status | None = None) -> CellResult:
    key = CellKey(device="d", model="m", precision="p", engine="3.6.1")
    found = status or STATUS.get(verdict, Status.MEASURED)
    return CellResult(key=key, status=found, verdict=verdict, expected=expected)


def run_of(*cells: CellResult) -> RunResults:
    return RunResults(
        id="r",
        started="",
        wall_s=0.0,
        harness="test",
        thresholds=Thresholds(),
        confidence=0.95,
        devices=(),
        models=(),
        precisions=(),
        engines=(),
        cells=cells,
    )


def codes(*cells: CellResult) -> tuple[int, int]:
    return exit_code(run_of(*cells), gate=False), exit_code(run_of(*cells), gate=True)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((PASS, NA), (0, 0)),
        ((PASS, FAIL), (0, 1)),
        ((PASS, OPEN), (0, 3)),
        ((PASS, ERROR), (3, 3)),
        ((FAIL, ERROR), (3, 1)),
        ((FAIL, OPEN), (0, 1)),
        ((), (3, 3)),
    ],
)
def test_without_known_failures(verdicts: tuple[Verdict, ...], expected: tuple[int, int]) -> None:
    assert codes(*map(cell, verdicts)) == expected


@pytest.mark.parametrize(
    ("verdict", "expected"), [(FAIL, (0, 0)), (PASS, (0, 1)), (NA, (0, 0)), (OPEN, (0, 3)), (ERROR, (3, 3))]
)
def test_a_cell_that_is_known_to_fail(verdict: Verdict, expected: tuple[int, int]) -> None:
    assert codes(cell(verdict, "4 bits")) == expected
    assert codes(cell(verdict, "")) == expected, "a reason without words is one too"


def test_an_expected_failure_excuses_no_other() -> None:
    assert codes(cell(FAIL, "known"), cell(FAIL)) == (0, 1)


def test_pending_cells_are_incomplete() -> None:
    assert codes(cell(ERROR, status=Status.PENDING), cell(PASS)) == (3, 3)


def test_one_comes_before_three_before_zero_whatever_the_order() -> None:
    kinds = [cell(verdict, reason) for verdict in Verdict for reason in (None, "known")]
    for cells in product(kinds, repeat=3):
        plain, gated = codes(*cells)
        verdicts = {one.verdict for one in cells}
        assert plain == (3 if ERROR in verdicts else 0)
        broken = any((one.verdict, one.expected is None) in {(FAIL, True), (PASS, False)} for one in cells)
        assert broken == any(map(breaks_gate, cells))
        assert gated == (1 if broken else 3 if verdicts & {ERROR, OPEN} else 0)
