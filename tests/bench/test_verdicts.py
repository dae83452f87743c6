"""The simulation itself: a row with a truth worked out by hand, and a broken promise that is seen."""

import numpy as np
import pytest

from tests.bench.rows import FAIL, OPEN, PASS, Row, rows
from tests.bench.verdicts import HEADINGS, Rates, measured, summary


def rates(wrong: int, right: int, cells: int = 1000, row: Row | None = None) -> Rates:
    verdicts = np.array([FAIL] * wrong + [PASS] * right + [OPEN] * (cells - wrong - right), np.int8)
    return Rates(row or Row("accuracy", 0.05, 0.02, 0.0, 32, 64), verdicts, np.full(cells, 64), 40, 0.5)


@pytest.mark.parametrize(("wrong", "kept"), [(0, True), (50, True), (66, True), (68, False), (200, False)])
def test_a_broken_promise_is_one_that_is_shown_to_be(wrong: int, kept: bool) -> None:
    """Of 1000 at 5 %: P(67 or more) is 0.0107, P(68 or more) 0.0077; scipy's binom.sf."""
    assert rates(wrong, 100).kept is kept


def test_at_the_threshold_the_more_frequent_verdict_counts() -> None:
    at = Row("accuracy", 0.05, 0.05, 0.0, 32, 64)
    assert rates(30, 40, row=at).wrong == 40
    assert rates(40, 30, row=at).wrong == 40
    assert rates(30, 40).wrong == 30
    above = Row("accuracy", 0.05, 0.06, 0.0, 32, 64)
    assert rates(30, 40, row=above).wrong == 40


@pytest.mark.parametrize("kind", ["accuracy", "agreement"])
def test_cells_without_a_flip_pass_at_the_first_look_that_shows_it(kind: str) -> None:
    """0.95^64 <= 0.04; for agreement 0.95^59 <= 0.05: the second look at 32. Looked at once, 59 images do."""
    found = measured(Row(kind, 0.05, 0.0, 0.0, 32, 192), np.random.default_rng(0), cells=100)
    assert (found.wrong, set(found.verdicts), set(found.images)) == (0, {PASS}, {64})
    assert found.plan is not None
    assert 59 <= found.plan <= 60
    assert found.once == 1.0
    assert len(found.line()) == len(HEADINGS)


def test_cells_that_lose_much_fail() -> None:
    found = measured(Row("accuracy", 0.05, 0.5, 0.1, 32, 192), np.random.default_rng(0), cells=100)
    assert (set(found.verdicts), found.wrong) == ({FAIL}, 0)
    assert found.plan is not None
    assert found.plan < 64


def test_every_kind_is_simulated_at_its_threshold_and_on_both_sides() -> None:
    for kind in ("accuracy", "agreement"):
        mine = [row for row in rows() if row.kind == kind]
        assert {row.right for row in mine} == {None, PASS, FAIL}
        assert {round(row.true - row.threshold, 4) for row in mine} >= {0.0, -0.005, 0.005}


def test_the_summary_names_the_worst() -> None:
    found = [rates(12, 500), rates(3, 500), rates(0, 500, row=Row("agreement", 0.03, 0.0, 0.0, 32, 64))]
    assert "accuracy: 2 rows; largest rate of wrong verdicts 1.20 %" in summary(found)
    assert "agreement: 1 rows; largest rate of wrong verdicts 0.00 %" in summary(found)
    assert "images against the fixed size 1.60 to 1.60" in summary(found)
