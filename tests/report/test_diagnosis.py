"""What closer looks found, in report.md and in a terminal: complete, escaped, and with the same bytes each time."""

import math

import pytest

from harness.diagnosis import (
    BlockFinding,
    Culprit,
    Diagnosis,
    FrontPlan,
    LintScore,
    Mechanism,
    Point,
    Prediction,
    Remedy,
    Search,
    Treatment,
)
from harness.report import numbers
from harness.report.depth import picture, picture_name, pictures
from harness.report.explained import explanation_text
from harness.report.markdown import render
from harness.report.remedied import NO_REMEDY, treatment_text
from harness.results import Verdict
from tests.diagnose.findings import KEY, explanation
from tests.report.builders import results
from tests.report.hostile import EVIL

CULPRIT = Culprit(
    name="/a/Conv", type="Convolution", made=0.045, mechanism=Mechanism.CANCELLATION, words="its large terms cancel"
)
BLOCKS = (
    BlockFinding(name="stages.2", share=0.051, local=0.053, alone=0.018, spared=0.03, culprits=(CULPRIT,)),
    BlockFinding(name="head", share=0.5, local=math.inf, alone=0.001),
)
DEPTH = (
    Point(name="a", type="Convolution", block="stages.2", error=1e-4, made=1e-4),
    Point(name="b", type="Convolution", block="head", error=None, made=None),
    Point(name="c", type="Div", block="head", error=math.inf, made=math.inf),
)
EXPLAINED = explanation(*BLOCKS, depth=DEPTH, words="In plain words.", notes=("Something was not measured",))
TRIED = (
    Remedy(kind="rewrite", title="rewritten: mean-pool", key=KEY, verdict=Verdict.PASS, drop_points=0.0, images=64,
           relative_l2=0.002, reduced_share=0.99, size=8_600_000, settings="converter flags: none"),
    Remedy(kind="usual advice", title="8-bit weights, memory low", key=KEY, verdict=Verdict.FAIL,
           drop_points=16.6, images=64, relative_l2=0.33),
    Remedy(kind="mixed", title="mixed precision", key=KEY, verdict=Verdict.PASS, reduced_share=0.51, cuts=8,
           images=96, plan="plans/b0-mixed-0ff.yaml"),
)  # fmt: skip
TREATED = Treatment(key=KEY, tried=TRIED, best=TRIED[0], probes=3, notes=("mixed precision: the budget is used up",))
SCORED = LintScore(
    key=KEY, correlation=0.912, hits=6, misses=1, false_alarms=2, bound=0.01,
    predictions=(Prediction(block="head", predicted=0.01, measured=0.02),) * 16,
)  # fmt: skip
SEARCHED = Search(
    key=KEY, devices=("a76", "max"), plans=31, reason="the budget is used up",
    front=(
        FrontPlan(share=1.0, cuts=0, predicted=0.03),
        FrontPlan(share=0.507, cuts=10, predicted=0.003, measured=0.0028, verdict=Verdict.PASS, chosen=True),
        FrontPlan(share=0.0, cuts=0, predicted=0.0),
    ),
)  # fmt: skip
FOUND = Diagnosis(explanations=(EXPLAINED,), treatments=(TREATED,), searches=(SEARCHED,), scores=(SCORED,))


def section(report: str, heading: str) -> str:
    begin = report.index(f"## {heading}\n")
    end = report.find("\n## ", begin + 1)
    return report[begin : None if end < 0 else end]


def row(text: str, begin: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {begin}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_run_that_nobody_looked_into_says_nothing_of_it() -> None:
    report = render(results())
    for heading in (
        "What loses it",
        "What repairs it",
        "What mixed precision costs",
        "What the hazard lint foretold",
    ):
        assert heading not in report


def test_the_blocks_in_their_order_with_what_does_it() -> None:
    text = section(render(results(), FOUND), "What loses it")
    assert "In plain words." in text
    assert "- Something was not measured" in text
    assert row(text, "stages.2") == [
        "stages.2", "5.1 %", "0.053", "0.018", "0.03", "/a/Conv (Convolution), 0.045",
        "cancellation: its large terms cancel",
    ]  # fmt: skip
    assert row(text, "head")[1:5] == ["50.0 %", "∞", "0.001", numbers.NONE]
    assert text.index("| stages.2") < text.index("| head")
    assert f"]({picture_name(EXPLAINED)})" in text


def test_blocks_of_which_nothing_is_known_are_not_listed_and_nothing_disturbed_is_drawn() -> None:
    bare = tuple(
        block.model_copy(update={"local": None, "alone": None, "culprits": ()}) for block in EXPLAINED.blocks
    )
    found = EXPLAINED.model_copy(update={"blocks": bare, "disturbed": True})
    text = section(render(results(), Diagnosis(explanations=(found,))), "What loses it")
    assert "| block" not in text
    assert "![" not in text
    assert pictures(Diagnosis(explanations=(found,))) == {}


def test_the_best_repair_stands_out_with_its_settings() -> None:
    text = section(render(results(), FOUND), "What repairs it")
    assert "**Set there: rewritten: mean-pool (fp16).**" in text
    assert "converter flags: none" in text
    assert row(text, "**rewritten")[2:9] == ["PASS", "+0.0", "64", "0.002", "99.0 %", "", "8.6"]
    assert row(text, "8-bit")[2:4] == ["FAIL", numbers.signed(-16.6)]
    assert row(text, "mixed precision")[7] == "8"


def test_no_remedy_is_an_answer() -> None:
    none = TREATED.model_copy(update={"best": None})
    assert NO_REMEDY in section(render(results(), Diagnosis(treatments=(none,))), "What repairs it")
    assert NO_REMEDY in treatment_text(none)


def test_what_a_repair_had_to_keep_is_said() -> None:
    closer = TREATED.model_copy(update={"aim": 0.003})
    assert "the cheapest that passes and keeps relative L2 0.003, a tenth of the cell's." in treatment_text(closer)
    none = closer.model_copy(update={"best": None})
    assert f"{NO_REMEDY} and keeps relative L2 0.003, a tenth of the cell's." in treatment_text(none)


def test_the_like_device_on_which_a_repair_was_measured_is_named() -> None:
    there = TRIED[0].model_copy(update={"key": TRIED[0].key.model_copy(update={"device": "twin"})})
    lent = TREATED.model_copy(update={"tried": (there, *TRIED[1:]), "best": there})
    assert f"{there.title}, on twin (" in treatment_text(lent)
    assert ", on " not in treatment_text(TREATED)


def test_a_plan_is_named() -> None:
    mixed = TREATED.model_copy(update={"best": TRIED[2]})
    assert "its plan: plans/b0-mixed-0ff.yaml" in treatment_text(mixed)


def test_the_front_tells_what_was_foretold_from_what_was_measured() -> None:
    text = section(render(results(), FOUND), "What mixed precision costs")
    assert "1 of 31 plans were tried on a76, max; the budget is used up." in text
    assert row(text, "100.0 %")[1:] == ["0", "0.03", "–", "–"]  # noqa: RUF001
    assert row(text, "**50.7 %**")[1:] == ["10", "0.003", "0.0028", "PASS"]


def test_the_lints_score() -> None:
    text = section(render(results(), FOUND), "What the hazard lint foretold")
    assert row(text, "a76")[1:] == ["16", "0.91", "0.01", "6", "1", "2"]


def test_in_a_terminal() -> None:
    text = explanation_text(EXPLAINED)
    assert "In plain words." in text
    assert "stages.2: alone 0.018, local 0.053, 5.1 % of the multiply-adds; cancellation" in text
    assert "Note: Something was not measured." in text
    assert "FAIL" in treatment_text(TREATED)


@pytest.mark.parametrize("hostile", [EVIL, "$\\frac{1}{0$ ``` | <script>", "```\n# H"])
def test_foreign_words_change_nothing(hostile: str) -> None:
    culprit = CULPRIT.model_copy(update={"name": hostile, "type": hostile, "words": hostile})
    blocks = (BLOCKS[0].model_copy(update={"name": hostile, "culprits": (culprit,)}),)
    point = DEPTH[0].model_copy(update={"name": hostile, "block": hostile})
    found = explanation(*blocks, depth=(point,), words=hostile, notes=(hostile,))
    best = TRIED[0].model_copy(update={"title": hostile, "settings": f"```\n{hostile}", "reason": hostile})
    treated = TREATED.model_copy(update={"tried": (best,), "best": best, "notes": (hostile,)})
    searched = SEARCHED.model_copy(update={"devices": (hostile,), "reason": hostile})
    report = render(results(), Diagnosis(explanations=(found,), treatments=(treated,), searches=(searched,)))
    before, settings, after = report.split("\n```\n")
    assert "<script" not in before + after
    assert "`" not in settings
    assert "\x1b" not in report
    assert (before + after).count("\n# ") == 0
    for text in (explanation_text(found), treatment_text(treated)):
        assert "\x1b" not in text
    assert "<script" not in picture(found)


def test_pictures_have_the_same_bytes_each_time() -> None:
    assert picture(EXPLAINED) == picture(EXPLAINED)
    assert set(pictures(FOUND)) == {picture_name(EXPLAINED)}
    assert pictures(Diagnosis(explanations=(explanation(),))) == {}


def test_a_picture_shows_errors_and_blocks() -> None:
    drawn = picture(EXPLAINED)
    assert drawn.startswith("<?xml")
    for words in ("relative L2 error", "made in the operator", ">stages.2<", ">head<"):
        assert words in drawn
