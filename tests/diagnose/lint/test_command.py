"""`farm lint`: exit codes, what it says, and what it refuses."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import cli
from harness.diagnose.lint.lint import lint
from harness.errors import Code, InputError
from harness.models.source import Kind, resolve
from tests.diagnose.planted import Cause, culprit_node, write
from tests.models.builders import float_samples, linear_model
from tests.models.test_processes import loaded_after

Farm = Callable[..., tuple[int, str, str]]


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Farm:
    """Run `farm lint` in this process; return exit code, output and errors."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["farm", "lint", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return ended.value.code, out, err

    return run


def test_it_names_the_culprit_and_writes_the_page(farm: Farm, tmp_path: Path) -> None:
    model, samples, _ = write(tmp_path, Cause.OVERFLOW, 1, count=3)
    code, out, _ = farm(model, "--samples", samples, "-o", tmp_path / "page.md")
    assert code == 0
    rows = [line for line in out.splitlines() if line.startswith("| /")]
    assert culprit_node(Cause.OVERFLOW, 1).replace("_", r"\_") in rows[0]
    assert "overflow" in rows[0]
    assert "∞" in rows[0]
    assert "on 3 images" in out
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == out


def test_a_bundled_model_has_samples_of_its_own(farm: Farm) -> None:
    code, out, _ = farm("efficientvit_b0")
    assert code == 0
    assert "on 8 images" in out
    assert "## fp16 arithmetic" in out


def test_a_folder_of_images(farm: Farm, tmp_path: Path) -> None:
    from PIL import Image

    for index in range(2):
        pixels = np.random.RandomState(index).randint(0, 256, (16, 16), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    model = linear_model(tmp_path / "m.onnx", side=None)
    code, out, _ = farm(model, "--samples", tmp_path, "--size", "16", "--mean", "0.5", "--std", "0.25")
    assert code == 0
    assert "on 2 images" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "MODEL"),
        (["no-such-model"], "no bundled model"),
        (["missing.onnx"], "there is no file"),
        (["m.onnx"], "--samples"),
        (["m.onnx", "--samples", "nowhere", "--mean", "0.5", "--std", "0.5"], "there is no folder"),
        (["m.onnx", "--samples", "x.npz"], "cannot be read"),
        (["m.onnx", "--samples", ".", "--mean", "a,b"], "not a list of numbers"),
        (["m.onnx", "--samples", ".", "--mean", "0.5,0.5"], "needs 1 number"),
        (["m.onnx", "--samples", ".", "--size", "3"], "8<=x<=4096"),
        (["missing.mnn", "--samples", "."], "there is no file"),
    ],
)
def test_wrong_input(
    arguments: list[str], words: str, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    linear_model(tmp_path / "m.onnx")
    code, out, err = farm(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_mnn_files_are_not_read(tmp_path: Path) -> None:
    source = resolve(name="m", file=linear_model(tmp_path / "m.onnx"), cache=tmp_path)
    with pytest.raises(InputError) as caught:
        lint(replace(source, kind=Kind.MNN), float_samples(1))
    assert caught.value.problem.code is Code.BAD_MODEL
    assert ".onnx" in caught.value.problem.advice


def test_a_page_that_cannot_be_written(farm: Farm, tmp_path: Path) -> None:
    model, samples, _ = write(tmp_path, Cause.EPSILON, 0, count=1)
    code, _, err = farm(model, "--samples", samples, "-o", tmp_path / "nowhere" / "page.md")
    assert code == 2
    assert "cannot be written" in err


def test_help_and_loading_it_need_no_engine() -> None:
    heavy = {"MNN", "_tools", "_mnncengine", "onnx", "onnxruntime", "torch", "timm", "ray", "scipy"}
    modules = "harness.commands.lint, harness.diagnose.lint.blocks, harness.diagnose.lint.score"
    assert not heavy & loaded_after(f"import {modules}")
