"""The top of a report: three sentences, counts, alarms; and how many devices become few words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Code, Problem
from harness.report.causes import because
from harness.report.places import merged, places
from harness.report.summary import alarms, change_range, counts, three
from harness.results import Cause, CellResult, LossPart, LossSplit, RunResults, Verdict

from .builders import FP32, UNPROVEN, broken, cells, devices, explained, key, measured, metrics, results
from .hostile import hostile

MINUS = "\N{MINUS SIGN}"


def test_three_sentences_say_what_loses_why_and_what_is_safe() -> None:
    first, *others = cells()
    found = three(results(cells=(first, explained(others[0]), *others[1:])))
    assert found == (
        f"Accuracy is lost by fp16 on pi5-01, phone-01 ({MINUS}5.0 pt, outputs not finite on 1).",
        "The cause is arithmetic for fp16 on pi5-01 (relative L2 0.0302, of which fp16 itself must lose 0.0121);"
        " it is non-finite for fp16 on phone-01 (2 images).",
        "Safe, with 95 % confidence each, are fp32 on pi5-01, a72-01.",
    )


def test_a_cause_that_is_not_known_is_said_to_be() -> None:
    assert "it is not known for fp16 on pi5-01." in three(results())[1]


@pytest.mark.parametrize(
    "run", [results(), results(cells=()), results(cells=cells()[:1]), results(cells=cells()[6:7])]
)
def test_always_exactly_three(run: RunResults) -> None:
    found = three(run)
    assert len(found) == 3
    for sentence in found:
        assert sentence.endswith(".")
        assert not re.search(r"\.\s", sentence), "one sentence each"
        assert sentence[0].isupper()


def test_nothing_is_safe_where_nothing_passes() -> None:
    found = three(results(cells=cells()[6:7]))
    assert found[0] == "Nothing could be shown to lose accuracy."
    assert found[2] == "Nothing is shown to be safe."
    assert three(results(cells=cells()[:1]))[0] == "No combination that was decided loses accuracy."


def test_what_was_not_decided_or_measured_is_counted() -> None:
    assert counts(results()) == (
        "9 cells: 2 PASS, 2 FAIL, 1 INCONCLUSIVE, 2 N/A, 2 ERROR. Of these 1 could not be decided,"
        " 1 did not run as asked, 1 could not be run at all, 1 could not be measured, 1 not measured yet."
        " 4 of 5 cells that ran as asked are decided."
    )
    assert counts(results(cells=cells()[:1])) == "1 cell: 1 PASS. 1 of 1 cells that ran as asked are decided."
    assert counts(results(cells=cells()[4:6])).endswith("1 could not be run at all."), "none ran as asked"
    assert counts(results(cells=())) == "0 cells: none were planned."
    known = explained(cells()[1])
    assert "Of these 1 ran only partly as asked, 1 failed as known. 1 of 1" in counts(results(cells=(known,)))


def undecided(
    device: str, points: float, images: int = 320, dominant: Cause | None = Cause.QUANTISATION
) -> CellResult:
    """int8 that is not decided after so many images, with so many points lost by then."""
    cell = measured(key(device, "int8"), Verdict.INCONCLUSIVE, FP32, found=metrics(points, images), reason="r")
    part = LossPart(images=images, relative_l2_median=0.26, flips=47, drop_points=points)
    return cell.model_copy(update={"split": LossSplit(quantisation=part, dominant=dominant)})


def test_an_undecided_loss_is_told() -> None:
    """Two points are allowed: 10.3 and 8.1 are beyond them, 2.0 and a loss on a single image say nothing."""
    passing = cells()[0]
    found = [undecided("pi5-01", 10.3), undecided("a72-01", 8.1), undecided("b", 2.0), undecided("c", 100.0, 1)]
    first, second, third = three(results(cells=(passing, *found)))
    assert first == (
        "No combination that was decided loses accuracy; not decided, but measured beyond the threshold:"
        f" int8 on pi5-01, a72-01 ({MINUS}10.3 … {MINUS}8.1 pt on 320 images)."
    )
    assert second == "The cause would be quantisation for int8 on pi5-01, a72-01 (relative L2 0.26)."
    assert third == "Safe, with 95 % confidence each, are fp32 on pi5-01."
    alone = three(results(cells=(undecided("b", 3.0, dominant=None),)))
    assert alone[0].startswith("Nothing could be shown to lose accuracy; not decided, but measured")
    assert alone[1] == "The cause would be not known for int8 on b."


def test_an_undecided_loss_is_told_beside_a_decided_one() -> None:
    first, second, _ = three(results(cells=(explained(cells()[1]), undecided("a72-01", 10.3))))
    assert first.startswith(f"Accuracy is lost by fp16 on pi5-01 ({MINUS}5.0 pt); not decided, but measured beyond")
    assert "; of what is not decided it would be quantisation for int8 on a72-01 (relative L2 0.26)." in second


def test_without_labels_the_agreement_counts() -> None:
    low = metrics().model_copy(update={"accuracy_drop_points": None})
    for agreement, told in ((0.95, True), (0.97, False)):
        found = low.model_copy(update={"top1_agreement": agreement})
        cell = measured(key("a", "int8"), Verdict.INCONCLUSIVE, FP32, found=found, reason="r")
        assert ("int8 on a (agrees 95.0 % on 60 images)" in three(results(cells=(cell,)))[0]) is told


def test_a_loss_of_which_it_is_not_proven_what_ran_says_so() -> None:
    lost = measured(key("max", "int8"), Verdict.FAIL, UNPROVEN, found=metrics(16.7), reason="r")
    assert three(results(cells=(lost,)))[0] == (
        f"Accuracy is lost by int8 on max ({MINUS}16.7 pt, what ran is not proven)."
    )
    open_too = measured(key("max", "int8"), Verdict.INCONCLUSIVE, UNPROVEN, found=metrics(16.7), reason="r")
    told = three(results(cells=(open_too,)))[0]
    assert f"int8 on max ({MINUS}16.7 pt on 60 images, what ran is not proven)." in told


def test_alarms_come_before_verdicts() -> None:
    model = results().models[0].model_copy(update={"warnings": ("BGR would be right more often",)})
    passing = cells()[0].model_copy(update={"expected": "4 bits"})
    run = results(models=(model,), rejudged=("agreement 0.9 instead of 0.97",), cells=(passing, *cells()[1:]))
    assert alarms(run) == [
        "Check the samples of b0: BGR would be right more often",
        "Judged again with other settings than the run's own: agreement 0.9 instead of 0.97.",
        "Known failures pass now, remove them from known_failures: fp32 on pi5-01.",
        "The run is incomplete: what follows is what was measured.",
    ]
    assert alarms(results(cells=cells()[:6])) == []


def fleet(size: int) -> RunResults:
    """Every device passes fp32; fp16 fails on the even ones."""
    names = [f"d{number}" for number in range(size)]
    fails = {True: Verdict.FAIL, False: Verdict.PASS}
    found: list[CellResult] = []
    for number, name in enumerate(names):
        found.append(measured(key(name, "fp32"), Verdict.PASS, FP32))
        verdict = fails[number % 2 == 0]
        found.append(measured(key(name, "fp16"), verdict, found=metrics(5.0 + number), reason="r"))
    known = tuple(devices()[0].model_copy(update={"name": name}) for name in names)
    return results(devices=known, cells=tuple(found))


def test_sixty_devices_stay_three_short_sentences() -> None:
    found = three(fleet(60))
    assert found[0] == f"Accuracy is lost by fp16 on 30 of 60 devices ({MINUS}63.0 … {MINUS}5.0 pt)."
    assert found[2] == "Safe, with 95 % confidence each, are fp32 on every device; fp16 on 30 of 60 devices."


def test_precisions_with_the_same_to_say_are_said_together() -> None:
    names = ("a", "b")
    passing = [measured(key(name, column), Verdict.PASS) for name in names for column in ("fp32", "fp16", "w8")]
    assert three(results(cells=tuple(passing)))[2].endswith("are fp32, fp16, w8 on every device.")
    lacking = (*passing[:-1], measured(key("b", "w8"), Verdict.INCONCLUSIVE, reason="r"))
    assert three(results(cells=lacking))[2].endswith("are fp32, fp16 on every device; w8 on a.")


def test_a_sentence_that_would_not_end_says_how_much_is_left() -> None:
    made = [measured(key("a", f"p{n}"), Verdict.FAIL, found=metrics(5.0 + n), reason="r") for n in range(30)]
    first = three(results(cells=tuple(made)))[0]
    assert first.count(" on a (") == 12
    assert first.endswith("; 18 more combinations of the matrix.")


def test_several_models_and_engines_are_named() -> None:
    other = measured(key("pi5-01", "fp32", "m0", "3.0.0"), Verdict.PASS, FP32)
    models = (results().models[0], results().models[0].model_copy(update={"name": "m0"}))
    run = results(cells=(cells()[0], other), models=models, engines=("3.6.1", "3.0.0"))
    assert three(run)[2].endswith("b0 fp32 under MNN 3.6.1 on pi5-01; m0 fp32 under MNN 3.0.0 on pi5-01.")


def test_the_figure_of_a_group() -> None:
    bare = metrics().model_copy(update={"accuracy_drop_points": None})
    agree = [measured(key("a", "fp16"), Verdict.FAIL, found=bare)]
    assert change_range(agree) == "agrees 95.0 %"
    assert change_range([cells()[7]]) == "outputs not finite"
    assert change_range([broken(key("a", "fp16"), Problem(Code.NO_WHEEL, "x"))]) == ""
    assert because([]) == ""
    conversion = explained(cells()[1]).model_copy(update={"cause": Cause.CONVERSION})
    assert because([conversion]) == "relative L2 1.25e-05"
    assert because([conversion.model_copy(update={"split": None})]) == ""


@pytest.mark.parametrize(
    ("named", "everywhere", "words"),
    [
        ("a", "a", "a"),
        ("ab", "ab", "every device"),
        ("abcd", "abcdefghijkl", "a, b, c, d"),
        ("abcde", "abcdefgh", "every device but f, g, h"),
        ("abcde", "abcdefghi", "5 of 9 devices"),
    ],
)
def test_places(named: str, everywhere: str, words: str) -> None:
    assert places(list(named), list(everywhere)) == words


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.lists(st.sampled_from("xy"), min_size=2, max_size=2))))
def test_merging_rows_loses_no_device(rows: list[tuple[str, list[str]]]) -> None:
    found = merged(rows)
    said = {(device, *rest) for names, *rest in found for device in names.split(", ")}
    assert said == {(device, *rest) for device, rest in rows}
    assert len({tuple(rest) for _, *rest in found}) == len(found)


def test_hostile_names_make_no_more_sentences_than_lines() -> None:
    for sentence in (*three(hostile()), counts(hostile())):
        assert sentence
