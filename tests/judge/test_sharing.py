"""Verdicts shared between cells with equal outputs: what is borne out, and what is a lie."""

from dataclasses import replace

import numpy as np
import pytest

from harness.errors import Code
from harness.evidence import CellEvidence, CellKey, Failure, Probe
from harness.judge.run import judge
from harness.judge.shapes import Outputs
from harness.judge.stored import StoredRun
from harness.precision import CATALOGUE
from harness.results import CellResult, Thresholds, Verdict

from .builders import FP32_RUN, Arrays, answers, board, files, key, model, stored

REFERENCE = answers(400)
LABELS = REFERENCE.argmax(axis=1)
WRONG = np.roll(REFERENCE, 1, axis=1)
A, B, C = (key().model_copy(update={"device": name}) for name in "abc")


def run(*cells: CellEvidence, arrays: dict[str, Outputs], drop: float = 5.0) -> StoredRun:
    plain = stored(None, None, model(REFERENCE, LABELS, host=files(REFERENCE)))
    return replace(
        plain,
        thresholds=Thresholds(accuracy_drop_points=drop),
        precisions=(CATALOGUE["fp32"], CATALOGUE["w8"]),
        planned=tuple(cell.key for cell in cells),
        devices=tuple(replace(board(), name=name) for name in "abc"),
        evidence={cell.key: cell for cell in cells},
        outputs=Arrays(dict(arrays)),
    )


def cell(who: CellKey, outputs: str, images: int, same_as: CellKey | None = None, **more: object) -> CellEvidence:
    plain = CellEvidence(key=who, images=images, outputs=outputs, probe=FP32_RUN, same_as=same_as, variant="f" * 64)
    return plain.model_copy(update=more)


def judged(*cells: CellEvidence, drop: float = 5.0, **arrays: Outputs) -> list[CellResult]:
    return list(judge(run(*cells, arrays=arrays, drop=drop)).cells)


def test_a_pass_is_shared_and_says_so() -> None:
    whole, part = judged(
        cell(A, "long", 100), cell(B, "short", 40, A), long=REFERENCE[:100], short=REFERENCE[:40]
    )  # fmt: skip
    assert (whole.verdict, whole.shared_with) == (Verdict.PASS, None)
    assert (part.verdict, part.shared_with) == (Verdict.PASS, A)
    assert part.reason == "shares the verdict of a: equal to the bit on 40 images"
    assert part.metrics is not None
    assert part.metrics.images == 40
    assert part.certainty is not None
    assert (part.certainty.decided_at, part.certainty.images_needed) == (None, None)


def test_a_failure_is_shared_with_its_cause() -> None:
    """One in eight is lost: 5 of 40 images say nothing at 5 points, 50 of 400 do."""
    outputs = REFERENCE.copy()
    outputs[::8] = WRONG[::8]
    alone = judged(cell(B, "short", 40), short=outputs[:40])[0]
    whole, part = judged(cell(A, "long", 400), cell(B, "short", 40, A), long=outputs, short=outputs[:40])
    assert alone.verdict is Verdict.INCONCLUSIVE
    assert (whole.verdict, part.verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert part.cause == whole.cause
    assert part.reason.startswith(whole.reason)


def test_with_the_verdict_go_its_intervals() -> None:
    """By themselves 40 images are too few to show less than 5 points; all other figures are the cell's own."""
    whole, part = judged(
        cell(A, "long", 100), cell(B, "short", 40, A), long=REFERENCE[:100], short=REFERENCE[:40]
    )  # fmt: skip
    (alone,) = judged(cell(B, "short", 40), short=REFERENCE[:40])
    assert whole.metrics is not None
    assert part.metrics is not None
    assert alone.metrics is not None
    assert part.metrics.accuracy_drop_interval == whole.metrics.accuracy_drop_interval
    assert part.metrics.agreement_interval == whole.metrics.agreement_interval
    assert part.metrics.accuracy_drop_interval[1] <= 5.0 < alone.metrics.accuracy_drop_interval[1]  # type: ignore[index]
    assert (
        part.metrics.model_copy(
            update={
                "accuracy_drop_interval": alone.metrics.accuracy_drop_interval,
                "agreement_interval": alone.metrics.agreement_interval,
            }
        )
        == alone.metrics
    )


def test_outputs_that_differ_in_a_bit_are_a_lie() -> None:
    nearly = REFERENCE[:40].copy()
    nearly[39, 0] = np.nextafter(nearly[39, 0], np.float32(9))
    lied = judged(cell(A, "long", 100), cell(B, "short", 40, A), long=REFERENCE[:100], short=nearly)[1]
    assert (lied.verdict, lied.failure and lied.failure.code) == (Verdict.ERROR, Code.OUTPUT_MISMATCH)
    assert "its outputs are not those of a" in lied.reason


@pytest.mark.parametrize(
    "claim",
    [
        cell(B, "short", 40, B),
        cell(B, "short", 40, C),
        cell(B, "short", 40, A.model_copy(update={"precision": "w8"})),
        cell(B, "short", 40, A.model_copy(update={"model": "m0"})),
        cell(B, "short", 40, A, variant="0" * 64),
        cell(B, "long", 100, A.model_copy(update={"engine": "3.2.0"})),
    ],
)
def test_a_twin_that_is_none_is_a_lie(claim: CellEvidence) -> None:
    lied = judged(cell(A, "long", 90), claim, long=REFERENCE[:100], short=REFERENCE[:40])[1]
    assert (lied.verdict, lied.failure and lied.failure.code) == (Verdict.ERROR, Code.OUTPUT_MISMATCH)
    assert "did not measure the same by itself" in lied.reason


def test_two_cells_cannot_vouch_for_each_other() -> None:
    cells = judged(cell(A, "short", 40, B), cell(B, "short", 40, A), short=REFERENCE[:40])
    assert [one.verdict for one in cells] == [Verdict.ERROR] * 2


def test_a_chain_of_vouchers_is_refused() -> None:
    cells = judged(
        cell(A, "long", 100), cell(B, "short", 40, A), cell(C, "short", 40, B),
        long=REFERENCE[:100], short=REFERENCE[:40],
    )  # fmt: skip
    assert [one.verdict for one in cells] == [Verdict.PASS, Verdict.PASS, Verdict.ERROR]


def test_a_twin_with_fewer_images_vouches_for_nothing() -> None:
    lied = judged(cell(A, "short", 40), cell(B, "long", 100, A), long=REFERENCE[:100], short=REFERENCE[:40])[1]
    assert lied.verdict is Verdict.ERROR


def test_a_twin_that_is_not_decided_by_these_thresholds_gives_no_verdict() -> None:
    """At 1 point 100 images without a flip are not enough, and 40 of them no more so."""
    cells = judged(
        cell(A, "long", 100), cell(B, "short", 40, A), drop=1.0, long=REFERENCE[:100], short=REFERENCE[:40]
    )  # fmt: skip
    assert [one.verdict for one in cells] == [Verdict.INCONCLUSIVE] * 2
    assert cells[1].shared_with is None


def test_own_evidence_that_is_enough_goes_first() -> None:
    own = judged(cell(A, "long", 100), cell(B, "same", 90, A), long=REFERENCE[:100], same=REFERENCE[:90])[1]
    assert (own.verdict, own.shared_with) == (Verdict.PASS, None)


def test_a_twin_that_failed_to_be_measured_gives_no_verdict() -> None:
    broken = CellEvidence(key=A, images=100, outputs="gone", probe=FP32_RUN, variant="f" * 64)
    part = judged(broken, cell(B, "short", 40, A), short=REFERENCE[:40])[1]
    assert (part.verdict, part.shared_with) == (Verdict.INCONCLUSIVE, None)


def test_a_twin_that_became_an_error_gives_no_verdict() -> None:
    error = CellEvidence(key=A, failure=Failure(code=Code.CONNECTION_LOST, message="gone", advice=""))
    part = judged(error, cell(B, "short", 40, A), short=REFERENCE[:40])[1]
    assert (part.verdict, part.shared_with) == (Verdict.INCONCLUSIVE, None)


def test_what_ran_unproven_is_not_passed_by_a_twin() -> None:
    whole = cell(A.model_copy(update={"precision": "w8"}), "long", 100)
    part = cell(B.model_copy(update={"precision": "w8"}), "short", 40, whole.key, probe=None)
    other = REFERENCE + np.float32(1e-3) * answers(400, seed=9)
    twin, found = judged(whole, part, long=other[:100], short=other[:40])
    assert twin.verdict is Verdict.PASS
    assert (found.verdict, found.shared_with) == (Verdict.INCONCLUSIVE, None)
    assert "not proven" in found.reason


@pytest.mark.parametrize("probe", [FP32_RUN, None], ids=["proven", "unproven"])
def test_what_ran_unproven_shares_a_loss(probe: Probe | None) -> None:
    """Whatever ran, the answers are those that lose: one in eight, of which 40 images alone are not certain."""
    outputs = REFERENCE.copy()
    outputs[::8] = WRONG[::8]
    whole = cell(A.model_copy(update={"precision": "w8"}), "long", 400, probe=probe)
    part = cell(B.model_copy(update={"precision": "w8"}), "short", 40, whole.key, probe=None)
    twin, found = judged(whole, part, long=outputs, short=outputs[:40])
    assert (twin.verdict, found.verdict, found.shared_with) == (Verdict.FAIL, Verdict.FAIL, whole.key)
    assert "shares the verdict of a: equal to the bit on 40 images" in found.reason
    assert found.reason.endswith("what ran is not proven: what ran was not probed")
