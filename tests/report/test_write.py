"""The files of a run's folder: deterministic, whole, readable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.report import write
from harness.report.write import write_reports
from harness.results import RunResults

from .builders import results

NAMES = {"report.md", "results.json", "results.csv", "junit.xml", "how-to-read-a-verdict.md"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_equal_results_give_equal_bytes(tmp_path: Path) -> None:
    paths = write_reports(results(), tmp_path / "a")
    again = RunResults.model_validate_json(results().model_dump_json())
    write_reports(again, tmp_path / "b")
    assert {path.name for path in paths} == NAMES
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert set(contents(tmp_path / "a")) == NAMES, "no temporary file is left"


def test_the_order_of_dictionaries_does_not_matter(tmp_path: Path) -> None:
    run = results()
    turned = results(
        counts=dict(reversed(run.counts.items())),
        devices=tuple(
            device.model_copy(update={"fingerprint": dict(reversed(device.fingerprint.items()))})
            for device in run.devices
        ),
    )
    write_reports(run, tmp_path / "a")
    write_reports(turned, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_old_reports_are_replaced_and_readable_by_others(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("old")
    for path in write_reports(results(), tmp_path):
        assert path.stat().st_size > 100
        assert os.access(path, os.R_OK)
        assert path.stat().st_mode & 0o777 == 0o644


def test_nothing_is_replaced_when_a_report_cannot_be_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.md").write_text("old")

    def fail(run: RunResults) -> str:
        raise RuntimeError("no")

    monkeypatch.setitem(write._RENDERERS, "junit.xml", fail)
    with pytest.raises(RuntimeError):
        write_reports(results(), tmp_path)
    assert contents(tmp_path) == {"report.md": b"old"}


def test_rendering_and_judging_need_neither_ray_nor_an_engine() -> None:
    code = (
        "import sys, harness.judge.run, harness.report.write, harness.report.terminal;"
        "print([name for name in ('ray', 'MNN', 'onnxruntime', 'paramiko') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
