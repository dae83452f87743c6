"""Verdicts that a cell shares with another one, since both gave the same outputs to the bit."""

from collections.abc import Mapping, Sequence

from harness.errors import Code, Problem
from harness.evidence import CellEvidence, CellKey, Failure
from harness.judge.peers import equal
from harness.judge.shapes import Outputs
from harness.judge.stored import OutputLoader
from harness.judge.verdict import failed
from harness.results import CellResult, Status, Verdict

_DECIDED = (Verdict.PASS, Verdict.FAIL)


def share(
    cells: Sequence[CellResult], *, evidence: Mapping[CellKey, CellEvidence], outputs: OutputLoader
) -> tuple[CellResult, ...]:
    """Give the cells that were left at a decided one's outputs (`same_as`) its verdict, after checking the claim.

    The other cell must have measured the same model's same file at the same precision in the same engine, its
    outputs must begin with this one's to the bit, and its verdict must be its own: else the claim is false, and the
    cell an error. With the verdict go its intervals. Where the other one is not decided either (by other thresholds,
    say), or lost its verdict, the cell's own ruling stands. A cell of which it is not proven what ran shares a FAIL,
    never a PASS.
    """
    known = {cell.key: cell for cell in cells}
    return tuple(_judged(cell, evidence.get(cell.key), known, evidence, outputs) for cell in cells)


def _judged(
    cell: CellResult,
    mine: CellEvidence | None,
    known: Mapping[CellKey, CellResult],
    evidence: Mapping[CellKey, CellEvidence],
    outputs: OutputLoader,
) -> CellResult:
    if mine is None or mine.same_as is None or cell.status is not Status.MEASURED:
        return cell
    theirs, twin = evidence.get(mine.same_as), known.get(mine.same_as)
    if theirs is not None and theirs.failure is not None:
        return cell
    if theirs is None or twin is None or not _is_twin(mine, theirs):
        return _exposed(cell, mine, f"{mine.same_as} did not measure the same by itself")
    if twin.status is Status.MEASURED and not _begins(outputs(theirs.outputs or ""), outputs(mine.outputs or "")):
        return _exposed(cell, mine, f"its outputs are not those of {mine.same_as}")
    # Without certainty of its own it was not the number of images that kept the cell from a verdict: what ran is not
    # proven. A loss is a loss all the same, a pass is not.
    shared = _DECIDED if cell.certainty is not None else (Verdict.FAIL,)
    if cell.verdict is not Verdict.INCONCLUSIVE or twin.verdict not in shared or twin.certainty is None:
        return cell
    unproven = cell.reason if cell.certainty is None else ""
    metrics = cell.metrics and cell.metrics.model_copy(update=_intervals(twin))
    words = f"shares the verdict of {twin.key.device}: equal to the bit on {mine.images} images"
    return cell.model_copy(
        update={
            "verdict": twin.verdict,
            "cause": twin.cause,
            "reason": "; ".join(filter(None, (twin.reason, words, unproven))),
            "shared_with": twin.key,
            "metrics": metrics,
            "certainty": twin.certainty.model_copy(update={"decided_at": None, "images_needed": None}),
        }
    )


def _intervals(twin: CellResult) -> dict[str, object]:
    """Return what the verdict says in figures; the cell's own few images would contradict it."""
    if twin.metrics is None:
        return {}
    return {name: getattr(twin.metrics, name) for name in ("accuracy_drop_interval", "agreement_interval")}


def _is_twin(mine: CellEvidence, theirs: CellEvidence) -> bool:
    elsewhere = mine.key.model_copy(update={"device": theirs.key.device})
    return (
        theirs.key == elsewhere
        and theirs.key != mine.key
        and theirs.same_as is None
        and theirs.variant == mine.variant
        and theirs.images >= mine.images
    )


def _begins(longer: Outputs, shorter: Outputs) -> bool:
    return len(longer) >= len(shorter) and equal(longer, shorter)


def _exposed(cell: CellResult, mine: CellEvidence, why: str) -> CellResult:
    message = f"a verdict is claimed to be shared, but {why}"
    advice = "The run's folder was changed, or two runs were mixed; measure this cell again."
    problem = Problem(Code.OUTPUT_MISMATCH, message, advice)
    return failed(cell.key, Failure.of(problem), mine)
