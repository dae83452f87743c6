"""report.md: what it says, and that nothing can make it say something else.

`tests/report/golden.md` is the report of `builders.results`; after a wanted change write it anew with
`UPDATE_GOLDEN=1 pytest tests/report/test_markdown.py` and read the difference.
"""

import os
import re
from pathlib import Path

from markdown_it import MarkdownIt

from harness.errors import Code, Problem
from harness.evidence import Failure, Operator
from harness.report.markdown import render
from harness.report.summary import three
from harness.results import Flip, LossSplit, RunResults, Thresholds, Verdict

from .builders import NOT_FP16, cells, devices, explained, key, measured, metrics, results, timing
from .hostile import hostile

EXPLAINED = results(cells=(explained(cells()[1]),), thresholds=Thresholds(relative_l2=0.01, cosine=0.999))
PEERS = "Devices that should agree to the bit"
GOLDEN = Path(__file__).with_name("golden.md")


def section(report: str, heading: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", report, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found.group(1)


def rows(table: str) -> list[list[str]]:
    """The cells of a Markdown table, heading first, without the line of dashes."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [split[0], *split[2:]] if split else []


def whole_tables(html: str) -> None:
    """Every row of every table has as many cells as its heading."""
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        head, *body = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        assert all(row.count("<td") == head.count("<th") for row in body)


def without(name: str) -> RunResults:
    return results(cells=tuple(cell.model_copy(update={name: None}) for cell in cells()))


def test_the_report_is_the_golden_one() -> None:
    report = render(results())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(report, encoding="utf-8")
    assert report == GOLDEN.read_text(encoding="utf-8")


def test_the_first_lines_say_what_to_know() -> None:
    title, sentences, counts, alarms, guide, *_ = render(results()).split("\n\n")
    assert title == "# Precision farm: 20260101-120000"
    assert sentences == " ".join(three(results()))
    assert counts.startswith(
        "**9 cells: 2 PASS, 2 FAIL, 1 INCONCLUSIVE, 2 N/A, 2 ERROR. Of these 1 could not be decided"
    )
    assert alarms == "- **! The run is incomplete: what follows is what was measured.**"
    assert "(how-to-read-a-verdict.md)" in guide
    assert "incomplete" not in render(results(cells=cells()[:6]))


def test_warnings_on_samples_come_before_the_matrix() -> None:
    model = results().models[0].model_copy(update={"warnings": ("labels look *shifted*",)})
    first = render(results(models=(model,))).split("\n## ", maxsplit=1)[0]
    assert "- **! Check the samples of b0: labels look \\*shifted\\***" in first


def test_the_matrix_has_a_row_a_device_and_a_column_a_precision() -> None:
    matrix = rows(section(render(results()), "b0"))
    assert matrix[0] == ["device", "fp32", "fp16", "bf16"]
    assert [row[0].split(" ")[0] for row in matrix[1:]] == ["pi5-01", "a72-01", "phone-01"]
    assert matrix[1][1] == "✓ PASS · +0.0 pt"
    assert matrix[1][2] == "**✗ FAIL** · −5.0 pt"  # noqa: RUF001
    assert matrix[1][3] == "**? INCONCLUSIVE** · +0.0 pt · unproven"
    assert matrix[2][0] == "a72-01 (cortex-a72, no fp16, emulated)"
    assert matrix[2][2:] == ["**≠ N/A, not as asked** · ran as fp32", "– N/A · unsupported"]  # noqa: RUF001
    assert matrix[3] == [
        "phone-01 (not reached)",
        "**! ERROR** · connection-lost",
        "**✗ FAIL** · 2 of 60 not finite · non-finite",
        "**! ERROR** · not measured yet",
    ]


def test_the_legend_has_the_marks_of_this_run_only() -> None:
    report = render(results())
    for words in ("✓ keeps", "✗ loses", "? INCONCLUSIVE: not decided", "≠ did not run as asked", "! not measured"):
        assert words in report
    assert "≈" not in report
    assert "✗ loses" not in render(results(cells=cells()[:1]))


def test_a_precision_that_did_not_run_is_never_shown_as_its_pass() -> None:
    for line in render(results()).splitlines():
        if line.startswith("| a72-01") and "fp16 " in line and "no fp16" not in line:
            assert "PASS" not in line


def test_several_engines_get_columns_of_their_own() -> None:
    old = measured(key("pi5-01", "fp32", engine="3.0.0"), cells()[0].verdict)
    matrix = rows(section(render(results(engines=("3.6.1", "3.0.0"), cells=(cells()[0], old))), "b0"))
    assert matrix[0] == ["device", "fp32 · MNN 3.6.1", "fp32 · MNN 3.0.0"]


def test_without_labels_agreement_is_shown() -> None:
    plain = metrics().model_copy(
        update={
            "top1_accuracy": None,
            "reference_accuracy": None,
            "accuracy_drop_points": None,
            "accuracy_drop_interval": None,
        }
    )
    report = render(results(cells=(measured(key("pi5-01", "fp32"), cells()[0].verdict, found=plain),)))
    assert "✓ PASS · agrees 95.0 %" in report
    assert "reference top-1" not in section(report, "Numbers")


def test_the_numbers_behind_the_matrix() -> None:
    table = rows(section(render(results()), "Numbers"))
    both, fp16 = (dict(zip(table[0], row, strict=True)) for row in table[1:3])
    assert (both["device"], both["precision"], both["ran"]) == ("pi5-01, a72-01", "fp32", "fp32"), "they say the same"
    assert fp16["device"] == "pi5-01"
    assert fp16["rel. L2 median"] == "0.0302"
    assert fp16["drop, points"] == "5.00"
    assert fp16["interval, points"] == "+1.0 … +9.0"
    assert (fp16["top-1"], fp16["reference top-1"], fp16["agreement"]) == ("85.0 %", "90.0 %", "95.0 %")
    broken = dict(zip(table[0], table[-1], strict=True))
    assert (broken["not finite"], broken["max. abs."]) == ("2", "∞")
    assert len(table) == 1 + 5


def explained_row(heading: str) -> dict[str, str]:
    table = rows(section(render(EXPLAINED), heading))
    return dict(zip(*table, strict=True))


def test_the_split_of_the_loss_in_numbers() -> None:
    row = explained_row("Where the loss comes from")
    assert row["conversion"] == "1.25e-05 (0 of 60 flip, +0.0 pt)"
    assert row["quantisation"] == "–"  # noqa: RUF001
    assert row["arithmetic"] == "0.0302 (4 of 60 flip, −5.0 pt)"  # noqa: RUF001
    assert row["device"] == "∞ (1 of 60 flip)"
    assert row["fp16 floor"] == "0.0121 (1 of 60 flip, +0.0 pt)"
    assert (row["dominant"], row["note"]) == ("arithmetic", "the kernels lose 2.5 times what fp16 must")


def test_a_split_in_which_nothing_was_measured_has_no_row() -> None:
    bare = cells()[1].model_copy(update={"split": LossSplit()})
    assert "Where the loss comes from" not in render(results(cells=(bare,)))


def test_how_sure_a_verdict_is() -> None:
    row = explained_row("How sure")
    assert (row["images"], row["decided at"], row["images needed"]) == ("60", "50", "–")  # noqa: RUF001
    assert (row["confidence"], row["method"]) == ("95 %", "spending")
    assert row["shared with"] == "a72-01 · b0 · fp32 · MNN 3.6.1"
    assert (row["drop, points"], row["interval"]) == ("5.00", "+1.0 … +9.0")


def test_flips_with_their_margins_nearest_and_worst() -> None:
    row = explained_row("Flips")
    assert (row["flips"], row["images"]) == ("2", "60")
    assert row["nearest (smallest margin)"] == (
        "image 7: 3→5, label 3, margin 0.001; image 30: 1→not finite, margin 4.25"
    )
    assert row["worst (largest margin)"] == "the same"
    many = tuple(Flip(image=n, reference=0, given=1, margin=m) for n, m in enumerate((3, 1, 4, 1.5, 9, 2.5)))
    cell = cells()[1].model_copy(update={"flips": many})
    near, worst = rows(section(render(results(cells=(cell,))), "Flips"))[1][-2:]
    assert re.findall(r"margin ([\d.]+)", near) == ["1", "1.5", "2.5"]
    assert re.findall(r"margin ([\d.]+)", worst) == ["9", "4", "3"]


def test_peers_that_disagree_are_named() -> None:
    found = section(render(EXPLAINED), PEERS)
    assert "0 of 1 cells with peers agree" in found
    row = dict(zip(*rows(found.split("Asked the same")[0]), strict=True))
    assert (row["differs from"], row["agrees with"], row["odd one out"]) == ("b-02", "b-01", "b-02")


def test_devices_that_were_asked_the_same_are_listed_apart_where_nothing_is_proven() -> None:
    _, known, apart = re.split(r"cells with peers agree|Asked the same, but", section(render(EXPLAINED), PEERS))
    assert [row[-1] for row in rows(known)] == ["odd one out", "b-02"]
    assert rows(apart)[0][-3:] == ["differs from", "agrees with", "odd one out"]
    assert rows(apart)[1][-3:] == ["max-01", "", "max-01"]
    assert "Asked the same" not in render(results())


def test_numbers_only_thresholds_are_apart() -> None:
    assert "decide no verdict" in section(render(EXPLAINED), "Thresholds on numbers")
    row = explained_row("Thresholds on numbers")
    assert (row["rel. L2 median"], row["at most 0.01"]) == ("0.0302", "**BROKEN**")
    assert (row["cosine median"], row["at least 0.999"]) == ("0.999500", "kept")
    assert "Thresholds on numbers" not in render(results())


def test_operators_that_fell_back_are_named() -> None:
    row = explained_row("Operators that did not run as asked")
    assert row["ran as asked"] == "87.5 %"
    assert row["these did not"] == "/stem/conv (Convolution, 12.5 %)"
    assert "87.5 % ran as asked" in section(render(EXPLAINED), "b0")


def test_of_many_operators_that_fell_back_the_largest_are_named() -> None:
    shares = {"/a": 0.01, "/b": 0.25, "/c": 0.03, "/d": 0.125, "/e": 0.05, "/f": 0.015}
    fallen = tuple(Operator(name=name, type="MatMul", share=share) for name, share in shares.items())
    cell = EXPLAINED.cells[0]
    assert cell.effective is not None
    partly = cell.model_copy(update={"effective": cell.effective.model_copy(update={"fallbacks": fallen})})
    told = rows(section(render(results(cells=(partly,))), "Operators that did not run as asked"))[1][-1]
    largest = "/b (MatMul, 25.0 %); /d (MatMul, 12.5 %); /e (MatMul, 5.0 %); /c (MatMul, 3.0 %)"
    assert told == f"{largest}; 2 smaller ones (2.5 % together)"


def test_a_known_failure_is_told_with_its_reason_and_one_that_passes_is_loud() -> None:
    assert explained_row("Why")["note"] == "expected FAIL: 4-bit weights, see the log"
    passing = cells()[0].model_copy(update={"expected": "old kernels"})
    report = render(results(cells=(passing,)))
    assert "**✓ PASS, but known to FAIL**" in section(report, "b0")
    assert "known failure passes now" in section(report, "Why")
    assert "- **! Known failures pass now" in report


def test_speed_ups_only_on_hardware() -> None:
    report = render(results())
    hardware, emulated = section(report, "Timings"), section(report, "Timings of emulated boards")
    table = rows(hardware)
    assert table[0][-1] == "speed-up"
    assert [row[-1] for row in table[1:]] == ["–", "1.50x", "–"], "fp32 itself, fp16, unproven"  # noqa: RUF001
    assert "say nothing about hardware" in emulated
    assert "speed-up" not in emulated
    assert [row[-1] for row in rows(emulated)] == ["hardware", "emulated", "emulated"], "labelled on every line"
    assert "a72-01" in emulated
    assert "a72-01" not in hardware
    assert "Timings of emulated boards" not in render(results(cells=cells()[:3]))


def test_every_error_and_not_applicable_has_its_reason() -> None:
    table = rows(section(render(results()), "Not decided, not applicable, not measured"))
    found = {(row[0], row[2]): row[3:] for row in table[1:]}
    assert found["pi5-01", "bf16"][1] == "what ran is not proven: backend and values disagree"
    assert set(found) == {(c.key.device, c.key.precision) for c in cells() if c.verdict not in ("PASS", "FAIL")}
    verdict, why, blame, advice = found["phone-01", "fp32"]
    assert (verdict, blame) == ("**! ERROR**", "infrastructure")
    assert why == "connection-lost: the link to phone-01 broke after 12 of 60 images"
    assert "network and power" in advice
    assert found["a72-01", "bf16"][1] == "no wheel for this Python"


def test_what_would_reproduce_the_run() -> None:
    report = section(render(results()), "To reproduce this run")
    for word in ("20260101-120000", "MNN 3.6.1", "0.1.0", "onnxruntime", "1.27.0", "cd" * 32, "ab" * 32, "0.97"):
        assert word in report


def test_devices_show_the_facts_that_some_of_them_have() -> None:
    table = rows(section(render(results()), "Devices"))
    assert table[0] == [
        *("device", "kind", "machine", "instruction set", "CPUs", "Python", "MNN", "temperature, °C", "bytes sent")
    ]
    assert table[1][2:] == ["aarch64", "fp16 dot", "0 1", "3.11.2", "3.6.1", "cpu 48.5", "36000000"]
    assert table[3][2:] == ["", "", "", "", "", "", "0"]


def test_a_broken_device_is_named_with_its_blame() -> None:
    assert "phone-01: connection-lost (blame: infrastructure)" in section(render(results()), "Devices")
    healthy = tuple(device.model_copy(update={"failure": None}) for device in devices())
    assert "blame:" not in section(render(results(devices=healthy)), "Devices")


def test_an_empty_run_renders() -> None:
    report = render(results(cells=(), models=(), devices=()))
    assert "0 cells: none were planned." in report


def test_missing_parts_render() -> None:
    for name in ("effective", "metrics", "timing", "failure", "variant"):
        assert "## b0" in render(without(name))


def test_foreign_strings_cannot_break_out() -> None:
    report = render(hostile())
    html = MarkdownIt("commonmark").enable("table").render(report)
    assert html.count("<a ") == 1, "the link to our own page"
    for piece in ("<script", "<img", "<em>", "<h1>H", "\x1b", "\x00", "\u202e"):
        assert piece not in html
    assert html.count("<h1>") == 1
    assert "@you" not in html
    report.encode("utf-8")
    whole_tables(html)


def test_tables_are_tables_to_a_markdown_parser() -> None:
    html = MarkdownIt("commonmark").enable("table").render(render(results()))
    assert html.count("<table>") == 9
    whole_tables(html)
    full = MarkdownIt("commonmark").enable("table").render(render(EXPLAINED))
    assert full.count("<table>") == 14
    whole_tables(full)


def test_times_of_unstable_runs_give_no_speed_up() -> None:
    shaky = measured(key("pi5-01", "fp16"), cells()[1].verdict, took=timing(20.0, stable=False))
    report = render(results(cells=(cells()[0], shaky)))
    assert "1.50x" not in report
    assert [row[-3:-1] for row in rows(section(report, "Timings"))[1:]] == [["+0.0 %", "stable"], ["+0.0 %", "noisy"]]
    changed = timing(20.0).model_copy(update={"stable": False, "drift": 0.88})
    report = render(results(cells=(measured(key("pi5-01", "fp16"), Verdict.PASS, took=changed),)))
    assert rows(section(report, "Timings"))[1][-3:-1] == ["−12.0 %", "output changed"]  # noqa: RUF001
    other = measured(key("pi5-01", "fp16"), cells()[4].verdict, NOT_FP16, took=timing(20.0))
    assert "1.50x" not in render(results(cells=(cells()[0], other)))


def test_device_failures_without_cells_still_show() -> None:
    failure = Failure.of(Problem(Code.NO_WHEEL, "musl"))
    lost = devices()[0].model_copy(update={"failure": failure, "fingerprint": {}})
    assert "no-wheel (blame: device), musl" in render(results(devices=(lost,), cells=()))
