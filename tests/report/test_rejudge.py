"""`farm report`: the same bytes from the same evidence, other verdicts by other limits, none overwritten."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.commands.report import Limits, publish, rejudged, report_command
from harness.dispatch.stored import stored_run
from harness.errors import Code, InputError
from harness.judge.run import judge

from .folders import REASON, run_folder

OWN = Limits()


def report(folder: Path, limits: Limits = OWN, out: Path | None = None, *, gate: bool = False) -> tuple[int, str]:
    file = io.StringIO()
    code = report_command(folder, limits, out, Console(file=file, width=100), gate=gate)
    return code, file.getvalue()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def verdicts(folder: Path) -> dict[str, str]:
    shown: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return {cell["device"]: cell["verdict"] for cell in shown["cells"]}


def test_the_same_bytes_as_the_run_wrote_and_every_time_again(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    publish(judge(stored_run(folder)), folder, Console(file=io.StringIO()))
    written = files(folder)
    for _ in range(2):
        assert report(folder)[0] == 0
        assert files(folder) == written
    report(folder, out=tmp_path / "elsewhere")
    assert files(tmp_path / "elsewhere") == {name: data for name, data in written.items() if name != "journal.jsonl"}


def test_own_limits_said_aloud_are_own_limits(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    report(folder)
    written = files(folder)
    report(folder, Limits(accuracy_drop_points=2.0, agreement=0.97, confidence=0.95))
    assert files(folder) == written


def test_other_limits_change_verdicts_and_overwrite_none(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    report(folder)
    written = files(folder)
    assert verdicts(folder) == {"a76": "PASS", "a53": "FAIL"}
    loose = Limits(accuracy_drop_points=50.0)
    code, said = report(folder, loose)
    assert code == 0
    assert "Nothing was written" in said
    assert "accuracy drop 50 instead of 2" in said
    assert files(folder) == written
    _, said = report(folder, loose, tmp_path / "loose")
    assert "how-to-read-a-verdict.md" in said
    assert verdicts(tmp_path / "loose") == {"a76": "PASS", "a53": "PASS"}
    assert "accuracy drop 50 instead of 2" in (tmp_path / "loose" / "report.md").read_text()
    assert json.loads((tmp_path / "loose" / "results.json").read_text())["run"]["rejudged"] == [
        "accuracy drop 50 instead of 2"
    ]
    again = files(tmp_path / "loose")
    report(folder, loose, tmp_path / "loose")
    assert files(tmp_path / "loose") == again
    assert files(folder) == written


def test_a_folder_that_keeps_other_verdicts_is_refused(tmp_path: Path) -> None:
    folder, other = run_folder(tmp_path / "run"), run_folder(tmp_path / "other")
    (tmp_path / "file").touch()
    before = files(folder), files(other)
    for out in (folder, tmp_path / "run" / ".." / "run", other, tmp_path / "file"):
        with pytest.raises(InputError, match=r"keeps|holds another run|not a folder") as caught:
            report(folder, Limits(agreement=0.5), out)
        assert caught.value.problem.code is Code.BAD_OUTPUT_FOLDER
    assert (files(folder), files(other)) == before
    with pytest.raises(InputError, match="holds another run"):
        report(folder, OWN, other)
    assert report(folder, OWN, folder)[0] == 0
    with pytest.raises(InputError, match="cannot be written"):
        report(folder, OWN, tmp_path / "file" / "below")


def test_every_limit_is_heard_and_named(tmp_path: Path) -> None:
    stored = stored_run(run_folder(tmp_path / "run"))
    asked = Limits(accuracy_drop_points=5.0, agreement=0.5, relative_l2=0.1, cosine=0.9, confidence=0.99)
    found = rejudged(stored, asked)
    assert found.thresholds.model_dump() == {
        "accuracy_drop_points": 5.0, "agreement": 0.5, "relative_l2": 0.1, "cosine": 0.9
    }  # fmt: skip
    assert found.confidence == 0.99
    assert found.rejudged == (
        "accuracy drop 5 instead of 2",
        "agreement 0.5 instead of 0.97",
        "relative L2 0.1 instead of none",
        "cosine 0.9 instead of none",
        "confidence 0.99 instead of 0.95",
    )
    assert rejudged(stored, OWN) == judge(stored)


def test_the_gate(tmp_path: Path) -> None:
    failing = run_folder(tmp_path / "failing")
    assert (report(failing)[0], report(failing, gate=True)[0]) == (0, 1)
    assert report(failing, Limits(accuracy_drop_points=50.0), gate=True)[0] == 0


def test_known_failures_are_heard_by_the_gate_and_told_with_their_reason(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "known", known=True)
    assert report(folder, gate=True)[0] == 0
    page = (folder / "report.md").read_text()
    assert f"expected FAIL: {REASON}" in page
    assert "FAIL (expected)" in page
    mended = run_folder(tmp_path / "mended", known=True, wrong=0)
    assert report(mended, gate=True)[0] == 1
    assert "known failure passes now: remove it from known" in (mended / "report.md").read_text()
    assert report(mended)[0] == 0


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        report(tmp_path)
