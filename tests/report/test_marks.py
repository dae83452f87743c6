"""What a cell of the matrix shows: every kind has a mark and a word of its own."""

import pytest

from harness.report import known
from harness.report.marks import Kind, shown
from harness.results import CellResult, Certainty, Extent, Verdict

from .builders import FP16, cells, key, measured

PARTLY = FP16.model_copy(update={"extent": Extent.PARTLY, "share": 0.85})


def cell(verdict: Verdict, **changes: object) -> CellResult:
    return measured(key("d", "fp16"), verdict).model_copy(update=changes)


@pytest.mark.parametrize(
    ("made", "kind", "head", "rest"),
    [
        (cells()[0], Kind.PASS, "✓ PASS", ("+0.0 pt",)),
        (cells()[2], Kind.OPEN, "? INCONCLUSIVE", ("+0.0 pt", "unproven")),
        (cells()[4], Kind.ASTRAY, "≠ N/A, not as asked", ("ran as fp32",)),
        (cells()[5], Kind.NOT_RUN, "\N{EN DASH} N/A", ("unsupported",)),
        (cells()[6], Kind.ERROR, "! ERROR", ("connection-lost",)),
        (cells()[7], Kind.FAIL, "✗ FAIL", ("2 of 60 not finite", "non-finite")),
        (cells()[8], Kind.ERROR, "! ERROR", ("not measured yet",)),
        (
            cell(Verdict.PASS, effective=PARTLY),
            Kind.PARTLY,
            "≈ PASS, partly as asked",
            ("+0.0 pt", "85.0 % ran as asked"),
        ),
        (cell(Verdict.PASS, expected="x"), Kind.SURPRISE, "✓ PASS, but known to FAIL", ("+0.0 pt",)),
        (cell(Verdict.FAIL, expected="x"), Kind.FAIL, "✗ FAIL (expected)", ("+0.0 pt",)),
        (
            cell(Verdict.INCONCLUSIVE, certainty=Certainty(confidence=0.95, method="m", images_needed=149)),
            Kind.OPEN,
            "? INCONCLUSIVE",
            ("+0.0 pt", "needs about 149 images"),
        ),
    ],
)
def test_what_is_shown(made: CellResult, kind: Kind, head: str, rest: tuple[str, ...]) -> None:
    found = shown(made)
    assert (found.kind, found.head, found.rest) == (kind, head, rest)


def test_no_two_verdicts_share_a_mark() -> None:
    marks: dict[str, set[Verdict]] = {}
    for made in cells():
        marks.setdefault(shown(made).kind.mark, set()).add(made.verdict)
    assert all(len(verdicts) == 1 for verdicts in marks.values())


def test_only_a_pass_and_what_cannot_run_are_quiet() -> None:
    assert {kind for kind in Kind if not kind.loud} == {Kind.PASS, Kind.NOT_RUN}


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.FAIL, "expected FAIL: 4 bits"),
        (Verdict.PASS, "known failure passes now: remove it from known_failures (it stands there because: 4 bits)"),
        (Verdict.NA, "known to fail, but this time N/A: 4 bits"),
    ],
)
def test_words_on_known_failures(verdict: Verdict, words: str) -> None:
    assert known.words(cell(verdict, expected="4 bits")) == words
    assert known.words(cell(verdict)) == ""
