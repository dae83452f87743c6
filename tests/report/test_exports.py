"""results.csv and junit.xml, read back by their usual readers."""

import csv
import io
import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from harness.report import csv_report, junit
from harness.results import RunResults, Verdict

from .builders import cells, key, measured, results
from .hostile import EVIL, hostile


def table(run: RunResults) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_report.render(run)), strict=True))


def suite(run: RunResults) -> ET.Element:
    root = ET.fromstring(junit.render(run))
    assert root.tag == "testsuites"
    found = root.find("testsuite")
    assert found is not None
    return found


def test_csv_has_one_row_a_cell() -> None:
    found = table(results())
    assert [row["verdict"] for row in found] == [cell.verdict.value for cell in cells()]
    fp16 = found[1]
    assert (fp16["device"], fp16["precision"], fp16["compute"], fp16["proven"]) == ("pi5-01", "fp16", "fp16", "true")
    assert (float(fp16["accuracy_drop_points"]), float(fp16["drop_low"]), float(fp16["median_ms"])) == (
        5.0,
        1.0,
        20.0,
    )
    assert (found[6]["error"], found[6]["blame"], found[6]["images"]) == ("connection-lost", "infrastructure", "")
    assert (found[7]["cause"], found[7]["max_abs"]) == ("non-finite", "inf")
    assert found[4]["in_effect"] == "false"


def test_csv_fields_are_one_line_and_no_formulas() -> None:
    found = table(hostile())
    assert len(found) == 3
    assert found[2]["reason"] == "'=cmd()"
    assert all("\n" not in value and "\x1b" not in value for row in found for value in row.values())


def test_junit_has_one_case_a_cell() -> None:
    found = suite(results())
    counts = {name: int(found.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 9, "failures": 2, "errors": 2, "skipped": 3}
    cases = found.findall("testcase")
    assert {case.attrib["classname"] for case in cases} == {"b0"}
    assert len({case.attrib["name"] for case in cases}) == 9
    kinds = [[child.tag for child in case] for case in cases]
    assert kinds == [[], ["failure"], ["skipped"], [], ["skipped"], ["skipped"], ["error"], ["failure"], ["error"]]
    assert cases[1][0].attrib["message"] == "FAIL: accuracy drops by 5.00 points, 2 are allowed"
    assert cases[7][0].attrib["type"] == "non-finite"
    assert "whose fault: infrastructure" in (cases[6][0].text or "")
    assert "ran as fp32" in cases[4][0].attrib["message"]


def test_junit_of_hostile_strings_is_xml() -> None:
    found = suite(hostile())
    assert len(found.findall("testcase")) == 3
    assert found.find(".//script") is None
    assert "alert(1)" in found.findall("testcase")[0].attrib["classname"]
    assert EVIL.count("|") == found.findall("testcase")[0].attrib["classname"].count("|")


@given(st.text(), st.text())
def test_any_string_gives_a_readable_export(name: str, reason: str) -> None:
    run = results(cells=(measured(key("d", "fp32", name), Verdict.FAIL, reason=reason),))
    junit.render(run).encode()
    assert len(suite(run).findall("testcase")) == 1
    csv_report.render(run).encode()
    found = table(run)
    assert len(found) == 1
    assert not re.match(r"[=+@\t\r-]", found[0]["reason"])
