"""What MNN does that nobody would expect; the harness is built around each of these."""

import signal
from pathlib import Path

import numpy as np
import pytest

from harness.models import mnn_tool
from tests.models.builders import linear_model, network
from tests.models.raw_mnn import script, verdicts


def test_run_time_values_that_are_not_understood_are_silently_ignored(tmp_path: Path) -> None:
    """The memory mode shows it on any machine; precision is read the same way, and shows on fp16 boards only."""
    linear_model(tmp_path / "m.onnx")
    found = verdicts(
        """
convert("m.onnx", "m.mnn", "--weightQuantBits", "8")
x = np.random.RandomState(0).randn(1, 1, 16, 16).astype(np.float32)
normal, low = run("m.mnn", x, precision=1, memory=0), run("m.mnn", x, precision=1, memory=2)
found = {"matters": bool((normal != low).any())}
for wrong in ("low", "Low", "2"):
    found[wrong] = bool((run("m.mnn", x, precision=1, memory=wrong) == normal).all())
found["Memory"] = bool((run("m.mnn", x, precision=1, Memory=2) == normal).all())
""",
        cwd=tmp_path,
    )
    assert found == {"matters": True, "low": True, "Low": True, "2": True, "Memory": True}


def test_a_boolean_flag_without_a_value_means_false(tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx")
    found = verdicts(
        """
x = np.random.RandomState(0).randn(1, 1, 16, 16).astype(np.float32)
def with_flags(*flags):
    convert("m.onnx", "m.mnn", "--weightQuantBits", "8", *flags)
    return run("m.mnn", x, precision=1)
name = "--weightQuantAsymmetric"
default, bare, apart = with_flags(), with_flags(name), with_flags(name, "1")
no, yes = with_flags(name + "=0"), with_flags(name + "=1")
found = {"matters": bool((yes != no).any()), "default is yes": bool((default == yes).all()),
         "bare is no": bool((bare == no).all()), "apart is no": bool((apart == no).all())}
""",
        cwd=tmp_path,
    )
    assert found == {"matters": True, "default is yes": True, "bare is no": True, "apart is no": True}


def test_converting_a_missing_file_says_true(tmp_path: Path) -> None:
    found = verdicts('found = {"said": convert("none.onnx", "m.mnn")}', cwd=tmp_path)
    assert found == {"said": True}
    assert not (tmp_path / "m.mnn").exists()


def test_two_conversions_of_one_model_differ_in_their_bytes(tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx")
    script('convert("m.onnx", "a.mnn"); convert("m.onnx", "b.mnn")', cwd=tmp_path)
    a, b = (tmp_path / "a.mnn").read_bytes(), (tmp_path / "b.mnn").read_bytes()
    assert a != b
    assert abs(len(a) - len(b)) <= 16


def test_the_banner_goes_to_standard_output_and_not_into_an_answer(tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx")
    done = script('convert("m.onnx", "m.mnn")', cwd=tmp_path)
    assert "The device supports:" in done.stdout
    answer = mnn_tool.ask("inspect", model=str(tmp_path / "m.mnn"), deadline_s=60)
    assert "The device supports:" in answer.output
    assert [each["name"] for each in answer.values["inputs"]] == ["image"]


def test_mnnquant_with_three_strings_aborts_and_only_that_process_dies(tmp_path: Path) -> None:
    done = script('import _tools; _tools.mnnquant("a.mnn", "b.mnn", "c.json")', cwd=tmp_path)
    assert done.returncode == -signal.SIGABRT


def test_a_worker_that_is_killed_by_a_signal_is_an_error_that_says_so(tmp_path: Path) -> None:
    """A gate behind ReduceMean kills mnnquant (see `harness.models.quantisable`)."""
    from PIL import Image

    network(tmp_path / "m.onnx", pool="ReduceMean")
    script('convert("m.onnx", "m.mnn")', cwd=tmp_path)
    (tmp_path / "images").mkdir()
    for index in range(4):
        pixels = np.random.RandomState(index).randint(0, 256, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"images/{index}.png")
    config = f'{{"format": "RGB", "width": 16, "height": 16, "path": "{tmp_path}/images/"}}'
    (tmp_path / "q.json").write_text(config)
    with pytest.raises(mnn_tool.ToolError, match="killed by SIG") as caught:
        mnn_tool.ask(
            "quantise",
            source=str(tmp_path / "m.mnn"),
            mnn=str(tmp_path / "q.mnn"),
            config=str(tmp_path / "q.json"),
            deadline_s=60,
        )
    assert "Calibrate the feature and quantize model" in caught.value.output


def test_small_constants_become_zero_in_half_weights(tmp_path: Path) -> None:
    linear_model(tmp_path / "m.onnx")
    found = verdicts(
        """
import onnx
from onnx import helper, numpy_helper, TensorProto
eps = numpy_helper.from_array(np.float32(1e-15).reshape(1), "eps")
nodes = [helper.make_node("Flatten", ["image"], ["flat"]), helper.make_node("Add", ["flat", "eps"], ["sum"]),
         helper.make_node("Div", ["flat", "sum"], ["logits"])]
info = helper.make_tensor_value_info
graph = helper.make_graph(nodes, "t", [info("image", TensorProto.FLOAT, [1, 1, 2, 2])],
                          [info("logits", TensorProto.FLOAT, [1, 4])], [eps])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "e.onnx")
convert("e.onnx", "e.mnn"); convert("e.onnx", "h.mnn", "--fp16")
x = np.zeros((1, 1, 2, 2), np.float32)
found = {"float": bool(np.isfinite(run("e.mnn", x, precision=1)).all()),
         "half": bool(np.isfinite(run("h.mnn", x, precision=1)).all())}
""",
        cwd=tmp_path,
    )
    assert found == {"float": True, "half": False}


def test_half_weights_are_cut_towards_zero_and_not_rounded(tmp_path: Path) -> None:
    """All of them become smaller, so their errors add up; rounded beforehand, they are stored as they are."""
    linear_model(tmp_path / "m.onnx")
    found = verdicts(
        """
import onnx
from onnx import numpy_helper
def rewritten(name, change):
    model = onnx.load("m.onnx")
    for each in model.graph.initializer:
        array = numpy_helper.to_array(each)
        if array.ndim > 1:  # biases stay float32 in the file
            each.CopyFrom(numpy_helper.from_array(change(array).astype(np.float32), each.name))
    onnx.save(model, name)
def rounded(array):
    return array.astype(np.float16)
def cut(array):
    near = rounded(array)
    return np.where(abs(near.astype(np.float32)) > abs(array), np.nextafter(near, np.float16(0)), near)
def answer(name, *flags):
    convert(name, "x.mnn", *flags)
    return run("x.mnn", x, precision=1)
rewritten("rounded.onnx", rounded); rewritten("cut.onnx", cut)
x = np.random.RandomState(0).randn(1, 1, 16, 16).astype(np.float32)
half = answer("m.onnx", "--fp16")
found = {"cut": bool((half == answer("cut.onnx")).all()), "rounded": bool((half == answer("rounded.onnx")).all()),
         "kept": bool((answer("rounded.onnx", "--fp16") == answer("rounded.onnx")).all())}
""",
        cwd=tmp_path,
    )
    assert found == {"cut": True, "rounded": False, "kept": True}
