"""Samples that look wrong: what passes on them is withheld, what fails on them stands."""

from dataclasses import replace

import numpy as np

from harness.judge.run import judge
from harness.judge.stored import StoredRun
from harness.results import CellResult, Verdict

from .builders import Arrays, answers, board, evidence, key, model, stored

REFERENCE = answers()
TRUTH = REFERENCE.argmax(axis=1)
WRONG = np.roll(REFERENCE, 1, axis=1)
SWAPPED = "with red and blue swapped it is right on 57 of 64 images: swap them"


def run(outputs: np.ndarray[tuple[int, ...], np.dtype[np.float32]], *warnings: str) -> CellResult:
    record = model(REFERENCE, TRUTH)
    record = replace(record, result=record.result.model_copy(update={"warnings": warnings}))
    return judge(stored(evidence(outputs), outputs, record)).cells[0]


def test_a_pass_on_doubtful_samples_is_withheld_with_the_warning_as_its_reason() -> None:
    plain, doubtful = run(REFERENCE), run(REFERENCE, SWAPPED)
    assert (plain.verdict, doubtful.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)
    assert SWAPPED in doubtful.reason
    assert "mend the samples and measure again" in doubtful.reason
    assert plain.certainty is not None
    assert doubtful.certainty is not None
    assert plain.certainty.decided_at == 175
    assert (doubtful.certainty.decided_at, doubtful.certainty.images_needed) == (None, None)
    assert doubtful.metrics == plain.metrics, "the numbers are what they are"


def test_every_warning_is_told() -> None:
    assert "first one; second one" in run(REFERENCE, "first one", "second one").reason


def test_a_fail_stands() -> None:
    plain, doubtful = run(WRONG), run(WRONG, SWAPPED)
    assert plain.verdict is Verdict.FAIL
    assert doubtful == plain


def test_what_was_open_anyway_keeps_its_reason() -> None:
    few = REFERENCE[:20]
    assert run(few, SWAPPED) == run(few)
    assert run(few).verdict is Verdict.INCONCLUSIVE


def two(*, shared: bool) -> StoredRun:
    """Two boards: the second stopped at the first one's outputs, or is another model's."""
    mine = key().model_copy(update={"device": "second"} if shared else {"model": "m0"})
    other = evidence(REFERENCE)
    stopped = {"key": mine, "images": 60, "outputs": "1" * 64, "same_as": key()}
    found = other.model_copy(update=stopped if shared else {"key": mine})
    record = model(REFERENCE, TRUTH)
    doubtful = replace(record, result=record.result.model_copy(update={"warnings": (SWAPPED,)}))
    fine = replace(record, result=record.result.model_copy(update={"name": "m0"}))
    return replace(
        stored(other, REFERENCE, doubtful),
        planned=(key(), mine),
        devices=(board(), replace(board(), name="second")),
        models=(doubtful, fine),
        evidence={key(): other, mine: found},
        outputs=Arrays({"0" * 64: REFERENCE, "1" * 64: REFERENCE[:60]}),
    )


def test_a_verdict_that_is_shared_is_withheld_too() -> None:
    first, second = judge(two(shared=True)).cells
    assert (first.verdict, second.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    assert SWAPPED in second.reason
    assert "shares the verdict of board" in second.reason


def test_other_models_are_not_doubted() -> None:
    first, second = judge(two(shared=False)).cells
    assert (first.verdict, second.verdict) == (Verdict.INCONCLUSIVE, Verdict.PASS)
