"""results.csv and junit.xml, read back by their usual readers and held against what those accept."""

import csv
import io
import re
import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report import csv_report, junit
from harness.results import RunResults, Verdict

from .builders import cells, explained, key, measured, results
from .hostile import EVIL, hostile

EXPLAINED = results(cells=(explained(cells()[1]),))


def table(run: RunResults) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_report.render(run)), strict=True))


def suite(run: RunResults) -> ET.Element:
    root = ET.fromstring(junit.render(run))
    assert root.tag == "testsuites"
    (found,) = root
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


def test_csv_says_what_a_verdict_rests_on() -> None:
    (row,) = table(EXPLAINED)
    assert (
        row.items()
        >= {
            "extent": "partly in effect",
            "share": "0.875",
            "proof": "backend;values",
            "fallbacks": "/stem/conv",
            "agreement_low": "0.8608",
            "confidence": "0.95",
            "method": "spending",
            "decided_at": "50",
            "images_needed": "",
            "shared_with": "a72-01 · b0 · fp32 · MNN 3.6.1",
            "conversion_relative_l2_median": "1.25e-05",
            "conversion_flips": "0",
            "quantisation_images": "",
            "arithmetic_drop_points": "5.0",
            "device_relative_l2_median": "inf",
            "device_drop_points": "",
            "floor_relative_l2_median": "0.0121",
            "dominant": "arithmetic",
            "split_note": "the kernels lose 2.5 times what fp16 must",
            "flips": "2",
            "flip_margin_min": "0.001",
            "flip_margin_max": "4.25",
            "peers_equal": "b-01",
            "peers_unequal": "b-02",
            "peer_odd": "b-02",
            "asked_equal": "",
            "asked_unequal": "max-01",
            "asked_odd": "max-01",
            "numeric_relative_l2": "false",
            "numeric_cosine": "true",
            "timing_drift": "1.0",
            "timing_grade": "stable",
            "expected": "4-bit weights, see the log",
        }.items()
    )


def test_csv_columns_are_only_added_at_the_end() -> None:
    assert csv_report.COLUMNS[:33] == (
        *("device", "model", "precision", "engine", "status", "verdict", "cause", "weights", "compute", "proven"),
        *("in_effect", "images", "nonfinite", "cosine_min", "cosine_median", "relative_l2_median", "max_abs"),
        *("top1_agreement", "top1_accuracy", "reference_accuracy", "accuracy_drop_points", "drop_low", "drop_high"),
        *("first_ms", "median_ms", "p90_ms", "mad_ms", "stable", "emulated", "error", "blame", "reason", "extent"),
    )
    assert len(set(csv_report.COLUMNS)) == len(csv_report.COLUMNS)


def test_csv_fields_are_one_line_and_no_formulas() -> None:
    found = table(hostile())
    assert len(found) == 3
    assert found[2]["reason"] == "'=cmd()"
    assert all("\n" not in value and "\x1b" not in value for row in found for value in row.values())


def test_junit_has_one_case_a_cell() -> None:
    found = suite(results())
    counts = {name: int(found.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 9, "failures": 2, "errors": 3, "skipped": 2}
    cases = found.findall("testcase")
    assert {case.attrib["classname"] for case in cases} == {"b0"}
    assert len({case.attrib["name"] for case in cases}) == 9
    kinds = [[child.tag for child in case if child.tag != "system-out"] for case in cases]
    assert kinds == [[], ["failure"], ["error"], [], ["skipped"], ["skipped"], ["error"], ["failure"], ["error"]]
    assert cases[1][0].attrib["message"] == "FAIL: accuracy drops by 5.00 points, 2 are allowed"
    assert cases[2][0].attrib == {
        "message": "INCONCLUSIVE: what ran is not proven: backend and values disagree", "type": "INCONCLUSIVE"
    }  # fmt: skip
    assert cases[7][0].attrib["type"] == "non-finite"
    assert "whose fault: infrastructure" in (cases[6][0].text or "")
    assert "ran as fp32" in cases[4][0].attrib["message"]


@pytest.mark.parametrize(
    ("verdict", "tag", "words"),
    [
        (Verdict.FAIL, "skipped", "FAIL: expected FAIL: 4 bits; because"),
        (Verdict.PASS, "failure", "PASS: known failure passes now: remove it from known_failures"),
        (Verdict.INCONCLUSIVE, "error", "INCONCLUSIVE: known to fail, but this time INCONCLUSIVE: 4 bits; because"),
    ],
)
def test_known_failures_in_junit(verdict: Verdict, tag: str, words: str) -> None:
    cell = measured(key("d", "fp16"), verdict, reason="because").model_copy(update={"expected": "4 bits"})
    found = suite(results(cells=(cell,)))
    (told,) = [child for child in found.findall("testcase")[0] if child.tag != "system-out"]
    assert told.tag == tag
    assert told.attrib["message"].startswith(words)


def test_the_figures_of_a_case_are_its_output() -> None:
    text = suite(EXPLAINED).findtext("testcase/system-out") or ""
    assert text.splitlines() == [
        "verdict: FAIL",
        "ran: fp16 (partly in effect; proof: backend, values)",
        "images: 60",
        "change: \N{MINUS SIGN}5.0 pt",
        "interval of the drop, points: +1.0 … +9.0",
        "relative L2, median: 0.0302",
        "decided at: 50",
        "images needed: -",
        "conversion loss: 1.25e-05 (0 of 60 flip, +0.0 pt)",
        "arithmetic loss: 0.0302 (4 of 60 flip, \N{MINUS SIGN}5.0 pt)",
        "device loss: ∞ (1 of 60 flip)",
        "median: 20.00 ms (stable)",
    ]
    emulated = suite(results(cells=cells()[3:4])).findtext("testcase/system-out") or ""
    assert "(stable, emulated: says nothing about hardware)" in emulated


# Jenkins' xunit plugin, junit-10.xsd: what each element may hold, and which attributes it may and must have.
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}
MAY = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "time", "classname", "group"},
    "property": {"name", "value"},
} | {kind: {"type", "message"} for kind in ("failure", "error", "skipped")}
MUST = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name"}, "property": {"name", "value"}}
TIME = re.compile(r"\d+\.\d{3}")


@pytest.mark.parametrize("run", [results(), hostile(), EXPLAINED, results(cells=(), started="yesterday")])
def test_junit_keeps_to_the_schema_of_its_strictest_viewer(run: RunResults) -> None:
    root = ET.fromstring(junit.render(run))
    for element in root.iter():
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        assert MUST.get(element.tag, set()) <= set(element.attrib) <= MAY.get(element.tag, set())
        assert not any(unicodedata.category(char) == "Cc" for value in element.attrib.values() for char in value)
        if "time" in element.attrib:
            assert TIME.fullmatch(element.attrib["time"])
    for totals in (root, root[0]):
        tags = [child.tag for case in root.iter("testcase") for child in case if child.tag != "system-out"]
        assert totals.attrib["tests"] == str(len(run.cells))
        assert totals.attrib["failures"] == str(tags.count("failure"))
        assert totals.attrib["errors"] == str(tags.count("error"))
    assert root[0].attrib["skipped"] == str(tags.count("skipped"))


def test_the_start_is_utc_without_an_offset() -> None:
    assert suite(results(started="2026-01-01T12:00:00.678+02:00")).attrib["timestamp"] == "2026-01-01T10:00:00"
    assert suite(results(started="2026-01-01T12:00:00")).attrib["timestamp"] == "2026-01-01T12:00:00"
    assert "timestamp" not in suite(results(started="yesterday")).attrib


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
