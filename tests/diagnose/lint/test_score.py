"""The lint's score: counted by hand, and lied to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.diagnose.lint.score import rank_correlation, score
from harness.evidence import CellKey

KEY = CellKey(device="a76", model="b0", precision="fp16", engine="3.6.1")
MEASURED = {"stem": 0.002, "one": 0.05, "two": 0.001, "three": 0.08, "head": 0.004}


def test_all_right() -> None:
    found = score(KEY, MEASURED, MEASURED, bound=0.01)
    assert (found.key, found.bound) == (KEY, 0.01)
    assert found.correlation == pytest.approx(1.0)
    assert (found.hits, found.misses, found.false_alarms) == (2, 0, 0)
    assert [pair.block for pair in found.predictions] == list(MEASURED)


def test_a_lint_that_lies_is_found_out() -> None:
    ranks = sorted(MEASURED.values())
    lies = {block: ranks[-1 - ranks.index(size)] for block, size in MEASURED.items()}
    found = score(KEY, lies, MEASURED, bound=0.01)
    assert found.correlation == pytest.approx(-1.0)
    assert (found.hits, found.misses, found.false_alarms) == (0, 2, 2)


def test_by_hand() -> None:
    """Ranks 1 2 3 4 5 against 1 3 2 4 5: 1 - 6 * 2 / (5 * 24) = 0.9. Two lose, one was foretold, and one too many."""
    foretold = dict(zip("abcde", (0.001, 0.002, 0.02, 0.03, 0.5), strict=True))
    measured = dict(zip("abcde", (0.001, 0.005, 0.004, 0.03, 0.04), strict=True))
    found = score(KEY, foretold, measured, bound=0.01)
    assert found.correlation == pytest.approx(0.9)
    assert (found.hits, found.misses, found.false_alarms) == (2, 0, 1)


def test_the_bound_itself_is_not_above_it() -> None:
    found = score(KEY, {"a": 0.01}, {"a": 0.01}, bound=0.01)
    assert (found.hits, found.misses, found.false_alarms) == (0, 0, 0)


def test_ties_share_their_rank() -> None:
    """Ranks 1.5 1.5 3 4 and 1 2 3.5 3.5: Pearson's correlation of those is 4 / 4.5."""
    assert rank_correlation([1, 1, 2, 3], [1, 2, 3, 3]) == pytest.approx(4 / 4.5)


@pytest.mark.parametrize(
    ("first", "second"),
    [([], []), ([1, 2, 3], [1, 2, 3]), ([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [0, 0, 0, 0])],
)
def test_where_ranks_say_nothing_there_is_no_score(first: list[float], second: list[float]) -> None:
    assert rank_correlation(first, second) is None


def test_no_blocks() -> None:
    found = score(KEY, {}, {}, bound=0.01)
    assert (found.correlation, found.hits, found.misses, found.false_alarms) == (None, 0, 0, 0)
    assert found.predictions == ()


def test_what_only_one_side_knows_is_left_out() -> None:
    found = score(KEY, {"a": 1.0, "b": 1.0}, {"b": 1.0, "c": 1.0}, bound=0.5)
    assert [pair.block for pair in found.predictions] == ["b"]
    assert found.hits == 1


def test_no_number_is_the_largest_error() -> None:
    foretold = {"a": 0.1, "b": 0.2, "c": 0.3, "d": math.inf}
    found = score(KEY, foretold, {"a": 0.1, "b": 0.2, "c": 0.3, "d": math.nan}, bound=0.5)
    assert found.correlation == pytest.approx(1.0)
    assert found.hits == 1
    assert found.predictions[-1].measured == math.inf


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=30))
def test_the_correlation_is_scipys_and_counts_add_up(pairs: list[tuple[int, int]]) -> None:
    foretold = {str(index): float(pair[0]) for index, pair in enumerate(pairs)}
    measured = {str(index): float(pair[1]) for index, pair in enumerate(pairs)}
    found = score(KEY, foretold, measured, bound=4.5)
    assert found.hits + found.misses == sum(pair[1] > 4 for pair in pairs)
    assert found.hits + found.false_alarms == sum(pair[0] > 4 for pair in pairs)
    ranks = [stats.rankdata([pair[side] for pair in pairs]) for side in (0, 1)]
    if min(len(set(each)) for each in ranks) > 1:
        assert found.correlation == pytest.approx(float(stats.pearsonr(*ranks).statistic))
