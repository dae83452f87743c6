"""The sentences at the end of a run, counted by hand."""

from dataclasses import dataclass

from harness.console.effort import effort
from harness.evidence import CellKey
from harness.results import CellResult, Metrics, ModelResult, RunResults, Status, Thresholds, Verdict

COUNTS = {"cells_measured": 5, "bytes_sent": 1234567, "variants_converted": 1, "variants_cached": 2}
WORK = "5 cells measured in 61 s; 1.2 MB sent to devices; 1 variants converted, 2 from the cache."


def _metrics(images: int) -> Metrics:
    return Metrics(
        images=images, nonfinite=0, top1_agreement=1.0, relative_l2_median=0.0, cosine_median=1.0,
        cosine_min=1.0, max_abs=0.0,
    )  # fmt: skip


@dataclass(frozen=True)
class Cell:
    verdict: Verdict
    images: int
    shared: bool = False
    status: Status = Status.MEASURED

    def result(self, number: int) -> CellResult:
        key = CellKey(device=f"board-{number}", model="b0", precision="fp32", engine="3.6.1")
        metrics = _metrics(self.images) if self.status is Status.MEASURED else None
        twin = key.model_copy(update={"device": "board-0"}) if self.shared else None
        return CellResult(key=key, status=self.status, verdict=self.verdict, metrics=metrics, shared_with=twin)


def words(*cells: Cell) -> str:
    results = RunResults(
        id="run",
        started="2026-01-01T00:00:00+00:00",
        wall_s=61.2,
        harness="1",
        thresholds=Thresholds(),
        confidence=0.95,
        devices=(),
        models=(ModelResult(name="b0", source="test", sha256="0" * 64, samples=200, labelled=True),),
        precisions=("fp32",),
        engines=("3.6.1",),
        cells=tuple(cell.result(number) for number, cell in enumerate(cells)),
        counts={},
        versions={},
    )
    return effort(results, COUNTS)


def test_what_is_decided_and_what_it_took() -> None:
    told = words(
        Cell(Verdict.PASS, 175), Cell(Verdict.PASS, 50, shared=True), Cell(Verdict.FAIL, 25),
        Cell(Verdict.INCONCLUSIVE, 200), Cell(Verdict.NA, 1), Cell(Verdict.ERROR, 0, status=Status.ERROR),
    )  # fmt: skip
    assert told == (
        f"{WORK}\n3 of 4 cells that ran as asked are decided, 1 of them by outputs equal to the bit to another "
        "device's; it took 450 of 800 images."
    )


def test_nothing_ran_as_asked() -> None:
    assert words(Cell(Verdict.NA, 1), Cell(Verdict.ERROR, 0, status=Status.ERROR)) == WORK
