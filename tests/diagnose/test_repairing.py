"""Which cells are repaired, that what was found is kept at once, and what a run says where it could not be done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from harness.commands import run as run_module
from harness.diagnose.look import Subject
from harness.diagnose.repairing import failing, repair
from harness.diagnose.stored import keep_diagnosis, load_diagnosis
from harness.diagnose.treating import Budget, Treated, Treating
from harness.diagnosis import Treatment
from harness.errors import Code, FarmError
from harness.results import CellResult, RunResults, Status, Verdict
from tests.report.builders import key, metrics, results


def cell(device: str, verdict: Verdict = Verdict.FAIL, precision: str = "fp16") -> CellResult:
    return CellResult(key=key(device, precision), status=Status.MEASURED, verdict=verdict, metrics=metrics(10.0))


def treatment(of: CellResult) -> Treatment:
    return Treatment(key=of.key, tried=(), best=None, probes=0, wall_s=1.0)


class Healer:
    """Stands for the devices: treats what it is given, until it comes to a cell that it cannot measure."""

    def __init__(self, fails_at: str | None = None) -> None:
        self.fails_at, self.groups = fails_at, list[list[str]]()

    def treat(self, group: Sequence[CellResult]) -> Treated:
        if group[0].key.precision == self.fails_at:
            raise FarmError(Code.DEVICE_UNREACHABLE, "It does not answer.")
        self.groups.append([str(one.key) for one in group])
        return Treated(tuple(treatment(one) for one in group))


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    nothing = cast(Any, None)  # nothing is measured here
    return Subject(tmp_path, nothing, nothing, nothing, nothing)


def healed(monkeypatch: pytest.MonkeyPatch, healer: Healer) -> None:
    monkeypatch.setattr(Treating, "treat", lambda _self, group: healer.treat(group))


def test_only_what_fails_is_repaired() -> None:
    cells = [cell("a"), cell("b", Verdict.PASS), cell("c", Verdict.INCONCLUSIVE), cell("d", Verdict.NA)]
    cells.append(cell("e").model_copy(update={"status": Status.ERROR}))
    assert [one.key.device for one in failing(cells)] == ["a"]


def test_what_was_found_before_a_failure_is_kept(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    found = results(cells=(cell("pi5-01"), cell("pi5-01", precision="w8")))
    healed(monkeypatch, Healer(fails_at="w8"))
    with pytest.raises(FarmError, match="does not answer"):
        repair(subject, found, found.cells, Budget())
    assert [one.key for one in load_diagnosis(subject.folder).treatments] == [found.cells[0].key]


def of_a_run(monkeypatch: pytest.MonkeyPatch, subject: Subject, found: RunResults, healer: Healer) -> tuple[str, ...]:
    healed(monkeypatch, healer)
    return run_module._repaired(subject, found)


def test_a_run_repairs_what_fails_and_was_not_tried_before(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    failed = (cell("pi5-01"), cell("pi5-01", precision="w8"))
    found = results(cells=(*failed, cell("a72-01", Verdict.PASS)))
    keep_diagnosis(subject.folder, treatments=(treatment(found.cells[0]),))
    healer = Healer()
    assert of_a_run(monkeypatch, subject, found, healer) == ()
    assert healer.groups == [[str(found.cells[1].key)]]
    assert len(load_diagnosis(subject.folder).treatments) == 2


def test_a_run_says_what_it_could_not_repair_and_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, subject: Subject
) -> None:
    found = results(cells=(cell("pi5-01"),))
    (words,) = of_a_run(monkeypatch, subject, found, Healer(fails_at="fp16"))
    assert words.startswith("Not repaired: It does not answer.")
    assert f"farm remedy {subject.folder}" in words
