"""What was found out is kept beside the run, and a newer finding takes the place of the older."""

from pathlib import Path

import pytest

from harness.diagnose.stored import NAME, keep_diagnosis, load_diagnosis
from harness.diagnosis import Diagnosis, LintScore, Treatment
from harness.errors import Code, FarmError
from tests.diagnose.findings import KEY, explanation

OTHER = KEY.model_copy(update={"device": "b"})


def test_nothing_was_found_yet(tmp_path: Path) -> None:
    assert load_diagnosis(tmp_path) == Diagnosis()


def test_findings_on_different_cells_stand_side_by_side_in_one_order(tmp_path: Path) -> None:
    for key in (OTHER, KEY):
        keep_diagnosis(tmp_path, explanations=(explanation(key=key),))
    assert [one.key for one in load_diagnosis(tmp_path).explanations] == [KEY, OTHER]


def test_a_newer_finding_takes_the_place_of_the_older(tmp_path: Path) -> None:
    keep_diagnosis(tmp_path, explanations=(explanation(words="old"),), treatments=(Treatment(key=KEY, probes=1),))
    keep_diagnosis(tmp_path, explanations=(explanation(words="new"),))
    found = load_diagnosis(tmp_path)
    assert [one.words for one in found.explanations] == ["new"]
    assert [one.probes for one in found.treatments] == [1]


def test_infinite_errors_come_back(tmp_path: Path) -> None:
    score = LintScore(key=KEY, correlation=None, hits=0, misses=0, false_alarms=0, bound=0.01)
    keep_diagnosis(tmp_path, explanations=(explanation(together=float("inf")),), scores=(score,))
    found = load_diagnosis(tmp_path)
    assert found.explanations[0].together == float("inf")
    assert found.scores == (score,)


@pytest.mark.parametrize("text", ["", "[]", '{"explanations": [{}]}', '{"new": 1}', "{" * 1000])
def test_a_damaged_file_is_evidence_that_is_missing(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(FarmError) as caught:
        load_diagnosis(tmp_path)
    assert caught.value.problem.code is Code.EVIDENCE_MISSING
