"""A slice of the fuzzing; `make fuzz` has a million cases."""

import pytest

from tests.fuzz import runs
from tests.fuzz.run import FoundError, fuzz
from tests.fuzz.targets import TARGETS, Target

SLICE = 20_000


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_readers_return_or_refuse(target: Target) -> None:
    tally = fuzz(target, int(SLICE * target.share))
    assert tally.cases >= SLICE * target.share
    assert 0 < tally.taken < tally.cases, "some good ones, some bad ones: else the cases are worth nothing"


def test_a_reader_that_breaks_is_found() -> None:
    def breaks(data: bytes) -> bool:
        return bool(1 // (0 if b"\xff" in data else 1))

    with pytest.raises(FoundError, match="ZeroDivisionError"):
        fuzz(Target("breaking", (b"good",), breaks, 1.0), 20_000)


def test_the_examples_of_whole_runs_are_good_and_their_arrays_are_read() -> None:
    for example in runs.EXAMPLES:
        assert runs.judged(example)
        journal, reference, *others = example.split(runs.ARRAY)
        damaged = runs.ARRAY.join((journal, reference[:-1], *others))
        assert runs.judged(damaged), "evidence that is damaged is an error of its cells, and no end of the report"
        assert not runs.judged(runs.ARRAY.join((journal[:-200] + b"}\n", reference, *others)))


def test_whole_runs_are_changed_in_values_that_are_read() -> None:
    changed = [runs.changed(bytes([number])) for number in range(60)]
    assert len(set(changed)) == 60
    assert 10 < sum(map(runs.judged, changed)) < 60
