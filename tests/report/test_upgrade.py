"""The section on engine versions: one column a version, one answer a row; none where there is one version."""

from harness.report.markdown import render
from harness.report.upgrade import engines
from harness.results import CellResult, RunResults, Verdict
from tests.report.builders import key, measured, results


def test_one_version_has_no_such_section() -> None:
    assert engines(results()) == ""
    assert "Engine versions" not in render(results())


def _cell(device: str, engine: str, verdict: Verdict) -> CellResult:
    return measured(key(device, "fp16", engine=engine), verdict)


def test_a_column_a_version_and_an_answer_a_row() -> None:
    found: RunResults = results(
        engines=("3.6.1", "3.10.0"),
        cells=(
            _cell("a76-01", "3.6.1", Verdict.FAIL),
            _cell("a76-01", "3.10.0", Verdict.PASS),
            _cell("x86-01", "3.6.1", Verdict.PASS),
            _cell("x86-01", "3.10.0", Verdict.FAIL),
            _cell("a72-01", "3.10.0", Verdict.PASS),
        ),
    )
    lines = engines(found).splitlines()
    heads = [word.strip() for word in lines[0].strip("|").split("|")]
    rows = {line.split("|")[1].strip(): [word.strip() for word in line.split("|")[4:-1]] for line in lines[2:]}
    assert heads == ["device", "model", "precision", "MNN 3.6.1", "MNN 3.10.0", "would upgrading fix it?"]
    assert rows.keys() == {"a76-01", "x86-01"}
    assert rows["a76-01"][-1] == "**yes: MNN 3.10.0**"
    assert rows["x86-01"][-1] == "**no, it breaks it: MNN 3.10.0**"
    assert "FAIL" in rows["a76-01"][0]
    assert "PASS" in rows["a76-01"][1]
    assert "## Engine versions" in render(found)
