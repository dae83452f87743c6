"""Would upgrading fix it: every pair of verdicts, and which version is named."""

import pytest

from harness.evidence import CellKey
from harness.judge.upgrade import Answer, upgrades
from harness.results import CellResult, Status, Verdict

PASS, FAIL, NA, OPEN, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.NA, Verdict.INCONCLUSIVE, Verdict.ERROR


def cell(engine: str, verdict: Verdict, device: str = "a76", precision: str = "fp16") -> CellResult:
    key = CellKey(device=device, model="b0", precision=precision, engine=engine)
    return CellResult(key=key, status=Status.MEASURED, verdict=verdict)


def answer(*verdicts: Verdict) -> tuple[Answer, str]:
    """Ask with versions 3.0.0, 3.2.0, 3.10.0 in that order of age, given in another one."""
    cells = [cell(engine, verdict) for engine, verdict in zip(("3.0.0", "3.2.0", "3.10.0"), verdicts, strict=False)]
    (found,) = upgrades(reversed(cells))
    assert [one.key.engine for one in found.cells] == [one.key.engine for one in cells]
    return found.answer, found.engine


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((FAIL, PASS), (Answer.YES, "3.2.0")),
        ((FAIL, FAIL, PASS), (Answer.YES, "3.10.0")),
        ((FAIL, PASS, FAIL), (Answer.YES, "3.2.0")),
        ((NA, PASS), (Answer.YES, "3.2.0")),
        ((FAIL, FAIL), (Answer.NO, "")),
        ((FAIL, NA, FAIL), (Answer.NO, "")),
        ((NA, NA), (Answer.NO, "")),
        ((FAIL, OPEN), (Answer.OPEN, "")),
        ((FAIL, ERROR), (Answer.OPEN, "")),
        ((OPEN, PASS), (Answer.OPEN, "")),
        ((ERROR, PASS), (Answer.OPEN, "")),
        ((OPEN, FAIL), (Answer.OPEN, "")),
        ((PASS, FAIL), (Answer.WORSE, "3.2.0")),
        ((PASS, PASS, FAIL), (Answer.WORSE, "3.10.0")),
        ((PASS, PASS), (Answer.FINE, "")),
        ((PASS, OPEN), (Answer.FINE, "")),
    ],
)
def test_answers(verdicts: tuple[Verdict, ...], expected: tuple[Answer, str]) -> None:
    assert answer(*verdicts) == expected


def test_rows_are_told_apart_and_one_version_answers_nothing() -> None:
    found = upgrades(
        [
            cell("3.0.0", FAIL), cell("3.0.0", PASS, precision="w8"), cell("3.0.0", FAIL, device="a72"),
            cell("3.2.0", PASS), cell("3.2.0", PASS, precision="w8"),
        ]
    )  # fmt: skip
    assert [(one.row, one.answer) for one in found] == [
        (("a76", "b0", "fp16"), Answer.YES),
        (("a76", "b0", "w8"), Answer.FINE),
    ]


def test_what_is_no_version_is_the_newest() -> None:
    (found,) = upgrades([cell("nightly", PASS), cell("3.2.0", FAIL)])
    assert (found.answer, found.engine) == (Answer.YES, "nightly")
