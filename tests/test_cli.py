"""The command line: exit codes as the contract has them, messages with advice, and never a traceback."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness import __version__, cli
from harness.commands import check as check_module
from harness.commands import plan as plan_module
from harness.commands.report import Limits
from harness.dispatch.journal import Journal
from harness.errors import Code, DeviceError, InputError, Problem
from harness.fleet.check import Checkup
from tests.dispatch.builders import BOARD, failed, finished, key, started
from tests.report.folders import run_folder

INVENTORY = "devices:\n- {name: a76, host: a76.lab}\n- {name: a53, host: a53.lab}\n"
EXPERIMENT = """
models:
- {name: b0, file: b0.onnx, samples: {images: images}}
precisions: [fp32, fp16]
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "images").mkdir()
    (tmp_path / "b0.onnx").touch()
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    return ("-i", str(tmp_path / "inventory.yaml"), "-e", str(tmp_path / "experiment.yaml"))


Farm = Callable[..., tuple[int, str, str]]


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Farm:
    """Run `farm` in this process; return exit code, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["farm", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return ended.value.code, out, err

    return run


def test_the_version(farm: Farm) -> None:
    assert farm("--version") == (0, f"farm, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--no-such-option"], "No such option"),
        (["run", "-e", "b.yaml", "-o", "c"], "INVENTORY"),
        (["run", "-i", "a.yaml", "-e", "b.yaml"], "--out"),
        (["plan", "-i", "a.yaml"], "--experiment"),
        (["check"], "--inventory"),
        (["report"], "FOLDER"),
        (["no-such-command"], "No such command"),
        (["boards", "sideways"], "No such command"),
        (["report", "a", "b"], "unexpected extra argument"),
        (["report", "a", "--agreement", "nan"], "not a number"),
        (["report", "a", "--agreement", "1"], "0<x<1"),
        (["report", "a", "--accuracy-drop-points", "100"], "0<x<100"),
        (["report", "a", "--confidence", "0.5"], "0.5<x<1"),
        (["report", "a", "--relative-l2", "inf"], "0<x<1"),
        (["report", "a", "--relative-l2", "1"], "0<x<1"),
        (["report", "a", "--cosine", "-0.5"], "0<x<1"),
        (["diff", "a"], "Missing argument 'B'"),
        (["diff", "a", "b", "-o", "/"], "is a directory"),
        (["plan", "-i", "/", "-e", "x"], "is a directory"),
    ],
)
def test_wrong_options_are_exit_2(farm: Farm, arguments: list[str], words: str) -> None:
    code, _, errors = farm(*arguments)
    assert code == 2
    assert words in errors


@pytest.mark.parametrize("command", ["plan", "run", "check"])
def test_wrong_input_is_exit_2_with_message_and_advice(farm: Farm, files: tuple[str, ...], command: str) -> None:
    file = Path(files[1])
    file.write_text("devices:\n- {name: a76, host: a76.lab, pasword: x}\n")
    out = file.parent / "out"
    more = {"plan": files[2:], "run": (*files[2:], "-o", str(out)), "check": ()}[command]
    code, said, errors = farm(command, "-i", str(file), *more)
    assert (code, said) == (2, "")
    assert errors.startswith("farm: bad-inventory (user): ")
    assert f"{file}" in errors
    assert "\nWhat to do: Correct the inventory file" in errors
    assert not out.exists()


def test_a_file_that_is_not_there_is_exit_2(farm: Farm, tmp_path: Path) -> None:
    code, _, errors = farm("check", "-i", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "none.yaml" in errors


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            InputError(Code.MACHINE_NOT_READY, "no MNN", "run make setup"),
            (2, "farm: machine-not-ready (user): no MNN"),
        ),
        (
            DeviceError(Code.DISK_FULL, "full", "empty it"),
            (3, "farm: disk-full (device): full\nWhat to do: empty it"),
        ),
        (KeyboardInterrupt(), (130, "Interrupted.")),
    ],
)
def test_every_ending_has_its_exit_code(
    farm: Farm,
    files: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    expected: tuple[int, str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(plan_module, "plan_command", fail)
    found, _, errors = farm("plan", *files)
    assert found == expected[0]
    assert expected[1] in errors


@pytest.mark.parametrize("code", [0, 1, 3, 130])
def test_a_runs_exit_code_is_handed_on(
    farm: Farm, files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    asked: dict[str, Any] = {}

    def run_command(inventory: Path, experiment: Path, out: Path, **options: object) -> int:
        asked.update(options, out=out)
        return code

    monkeypatch.setattr("harness.commands.run.run_command", run_command)
    options = [
        "-o",
        str(tmp_path / "out"),
        "--gate",
        "--resume",
        "--ray-address",
        "10.0.0.1:6379",
        "--wait",
        "9",
        "--remedy",
    ]
    assert farm("run", *files, *options)[0] == code
    assert asked == {
        "out": tmp_path / "out",
        "gate": True,
        "resume": True,
        "remedy": True,
        "ray_address": "10.0.0.1:6379",
        "wait_s": 9.0,
    }


GONE = Problem(Code.DEVICE_UNREACHABLE, "no answer \x1b[2J", "plug it in")
FIT = ["✓ a76: aarch64 (fp16 dot), Python 3.11.2", "1 of 1 devices are reachable and fit."]
NOT_FIT = ["✗ a76: device-unreachable (infrastructure): no answer [2J", "plug it in", "0 of 1 devices"]


@pytest.mark.parametrize(("problem", "expected"), [(None, (0, FIT)), (GONE, (3, NOT_FIT))])
def test_check_says_per_device_what_is_right_or_wrong(
    farm: Farm,
    files: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    problem: Problem | None,
    expected: tuple[int, list[str]],
) -> None:
    facts: dict[str, object] = {"machine": "aarch64", "isa": ["fp16", "dot"], "python": "3.11.2"}
    monkeypatch.setattr(check_module, "check_fleet", lambda *_: [Checkup(BOARD, facts, 0.5, problem)])
    code, out, _ = farm("check", *files[:2])
    assert code == expected[0]
    for words in expected[1]:
        assert words in out
    assert "\x1b[2J" not in out


def test_a_report_of_a_folder_without_a_run(farm: Farm, tmp_path: Path) -> None:
    code, _, errors = farm("report", str(tmp_path))
    assert code == 2
    assert "holds no run" in errors


def test_a_report_of_a_run_with_an_error_is_incomplete(farm: Farm, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(started(cells=(key(),)))
    journal.write(finished(failed(key())))
    journal.close()
    code, out, _ = farm("report", str(tmp_path))
    assert code == 3
    assert "connection-lost" in out
    assert {"report.md", "results.json", "results.csv", "junit.xml"} <= {file.name for file in tmp_path.iterdir()}


def test_a_reports_options_are_handed_on(farm: Farm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []

    def report_command(folder: Path, limits: Limits, out: Path | None, console: Console, *, gate: bool) -> int:
        asked.extend((folder, limits, out, gate))
        return 1

    monkeypatch.setattr("harness.commands.report.report_command", report_command)
    options = ["--accuracy-drop-points", "5", "--agreement", "0.9", "--relative-l2", "0.1", "--cosine", "0.99"]
    more = ["--confidence", "0.99", "--out", str(tmp_path / "b"), "--gate"]
    assert farm("report", str(tmp_path / "a"), *options, *more)[0] == 1
    assert asked == [tmp_path / "a", Limits(5.0, 0.9, 0.1, 0.99, 0.99), tmp_path / "b", True]
    asked.clear()
    assert farm("report", str(tmp_path))[0] == 1
    assert asked == [tmp_path, Limits(), None, False]


def test_a_gated_report_and_a_diff_have_the_exit_codes_of_the_contract(farm: Farm, tmp_path: Path) -> None:
    good, bad = run_folder(tmp_path / "good", wrong=0), run_folder(tmp_path / "bad")
    assert [farm("report", str(folder), "--gate")[0] for folder in (good, bad)] == [0, 1]
    assert farm("report", str(bad), "--gate", "--accuracy-drop-points", "50")[0] == 0
    assert farm("report", str(bad), "--accuracy-drop-points", "50", "--out", str(bad))[0] == 2
    assert farm("diff", str(bad), str(good))[0] == 0
    code, out, _ = farm("diff", str(good), str(bad), "--out", str(tmp_path / "diff.md"))
    assert code == 1
    assert out == (tmp_path / "diff.md").read_text()
    assert farm("diff", str(good), str(tmp_path))[0] == 2


@pytest.mark.parametrize("command", [(), ("report",), ("diff",), ("run",)])
def test_help_has_its_examples_on_lines_of_their_own(farm: Farm, command: tuple[str, ...]) -> None:
    code, out, _ = farm(*command, "--help")
    assert code == 0
    assert "\\b" not in out
    assert "\b" not in out
    if command != ("run",):
        assert any(line.strip().endswith(("--gate", "diff.md", "reports/second")) for line in out.splitlines())
