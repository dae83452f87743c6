"""The command line: exit codes as the contract has them, messages with advice, and never a traceback."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import __version__, cli
from harness.commands import check as check_module
from harness.commands import plan as plan_module
from harness.dispatch.journal import Journal
from harness.errors import Code, DeviceError, InputError, Problem
from harness.fleet.check import Checkup
from tests.dispatch.builders import BOARD, failed, finished, key, started

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
    options = ["-o", str(tmp_path / "out"), "--gate", "--resume", "--ray-address", "10.0.0.1:6379"]
    assert farm("run", *files, *options)[0] == code
    assert asked == {"out": tmp_path / "out", "gate": True, "resume": True, "ray_address": "10.0.0.1:6379"}


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
