"""Files that are not what their names say: on the device, in the coordinator's cache, in the converter's hands."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from harness.agent.preprocess import normalise
from harness.dispatch.arrays import npy_bytes
from harness.dispatch.stored import replay
from harness.errors import Code
from harness.models.cache import sha256_of
from harness.precision import Weights
from harness.results import Verdict
from tests.lies import tongues
from tests.lies.conftest import IMAGENET
from tests.lies.field import Field, Told, images
from tests.lies.test_devices import ending
from tests.models.builders import save

REDUCED = [("w8", "int8"), ("fp16-weights", "float16")]
"""Precisions whose weights alone are reduced, and what the cache calls these."""


@pytest.fixture
def cache(own_cache: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the cache, to be spoilt."""
    shutil.copytree(own_cache, tmp_path / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_CACHE", str(tmp_path / "cache"))
        yield tmp_path / "cache"


def variant(cache: Path, weights: str) -> Path:
    (found,) = [
        path.with_suffix("")
        for path in (cache / "variants").glob("*.mnn.json")
        if json.loads(path.read_text())["weights"] == weights
    ]
    return found


def put_in_place(path: Path, data: bytes) -> None:
    """Replace a file; its bytes may be shared with other folders by a hard link."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture(scope="package")
def older_model(field: Field, own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The .mnn file of the model as it was before: the same shapes, other weights."""
    from harness.models.samples import SampleSet
    from harness.models.variants import make_variant
    from tests.models.builders import source_of

    folder = tmp_path_factory.mktemp("older")
    model = onnx.load(str(field.model))
    for weights in model.graph.initializer:
        weights.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(weights)[::-1].copy(), weights.name))
    onnx.save(model, str(folder / "older.onnx"))
    samples = SampleSet(images(1), None, *IMAGENET, ("x",))
    made = make_variant(source_of(folder / "older.onnx"), Weights(), samples, cache=folder)
    return made.path.read_bytes()


def test_a_stale_model_under_the_right_name_on_the_device(field: Field, honest: Told, older_model: bytes) -> None:
    """The child looks before it loads; the file is removed and the next run sends it again."""
    name = str(honest.cell().variant)
    told = field.run(before=lambda _, workdir: put_in_place(workdir / "store" / name, older_model))
    assert ending(told.cell()) == Code.STORE_CORRUPT
    assert not (told.store() / name).exists()
    assert field.run(resume=told).cell().verdict is Verdict.PASS


def test_a_stale_model_that_the_device_loads_unseen(field: Field, honest: Told, older_model: bytes) -> None:
    name = str(honest.cell().variant)
    told = field.run(
        {"board": {"child": tongues.CREDULOUS}},
        before=lambda _, workdir: put_in_place(workdir / "store" / name, older_model),
    )
    assert told.cell().verdict is Verdict.FAIL


def test_stale_samples_under_the_right_name_on_the_device(field: Field, honest: Told) -> None:
    """Another order of the same images, where the agent looks and where it does not."""
    stored = {path.name: path for path in honest.store().iterdir()}
    batches = [name for name, path in stored.items() if path.read_bytes()[:6] == b"\x93NUMPY"]
    assert batches

    def reorder(_: str, workdir: Path) -> None:
        for name in batches:
            shuffled = np.load(stored[name])[::-1]
            put_in_place(workdir / "store" / name, npy_bytes(shuffled))

    assert ending(field.run(before=reorder).cell()) == Code.STORE_CORRUPT
    credulous = field.run({"board": {"child": tongues.CREDULOUS}}, before=reorder)
    assert credulous.cell().verdict is Verdict.FAIL


def test_a_stale_variant_in_the_coordinators_cache(
    field: Field, honest: Told, cache: Path, older_model: bytes
) -> None:
    """Bytes that changed are made anew; with their hash forged as well, the numbers tell."""
    path = variant(cache, "float32")
    put_in_place(path, older_model)
    assert field.run().cell().verdict is Verdict.PASS
    assert path.read_bytes() != older_model
    put_in_place(path, older_model)
    forge(path)
    told = field.run()
    assert told.cell().variant == sha256_of(path)
    assert told.cell().verdict is Verdict.FAIL


@pytest.mark.parametrize(("precision", "weights"), REDUCED)
def test_a_variant_that_is_the_fp32_file(field: Field, cache: Path, precision: str, weights: str) -> None:
    """The cache has the fp32 file under another's name: perfect numbers, with fp32 in the experiment or without."""
    honest = field.run(precisions=["fp32", precision])
    assert honest.cell(precision=precision).verdict is Verdict.PASS
    path = variant(cache, weights)
    put_in_place(path, variant(cache, "float32").read_bytes())
    forge(path)
    for precisions in (["fp32", precision], [precision]):
        told = field.run(precisions=precisions)
        assert told.cell(precision=precisions[0]).verdict is (Verdict.PASS if precisions[1:] else Verdict.ERROR)
        assert ending(told.cell(precision=precision)) == Code.CONVERSION_FAILED
        assert [cell.verdict for cell in told.again().cells] == [cell.verdict for cell in told.results.cells]


def test_a_variant_for_low_memory_that_is_the_fp32_file(field: Field, cache: Path) -> None:
    """What the file answers at memory normal is looked at too, although no cell asks for it."""
    field.run(precisions=["w8-lowmem"])
    path = variant(cache, "int8")
    put_in_place(path, variant(cache, "float32").read_bytes())
    forge(path)
    assert ending(field.run(precisions=["w8-lowmem"]).cell(precision="w8-lowmem")) == Code.CONVERSION_FAILED


def test_a_variant_of_which_the_coordinators_run_is_gone(field: Field) -> None:
    """Nobody can say any more what the file holds. (Its own answers are the device's here, so the fp32 file's go.)"""
    told = field.run(precisions=["w8"])
    assert told.cell(precision="w8").verdict is Verdict.PASS
    (model,) = replay(told.folder).snapshot.models  # type: ignore[union-attr]
    (note,) = [one for one in model.host if one.weights == Weights()]
    (told.folder / "evidence" / f"{note.outputs}.npy").unlink()
    (cell,) = told.again().cells
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert "nothing shows that the file holds int8 weights" in cell.reason


def test_weights_that_are_float16_numbers_already_are_no_lie(field: Field, tmp_path: Path) -> None:
    """fp16-weights answers as fp32 does, to the bit, and the file is smaller: nothing is lost, and that is said."""
    model = onnx.load(str(field.model))
    for weights in model.graph.initializer:
        rounded = numpy_helper.to_array(weights).astype(np.float16).astype(np.float32)
        weights.CopyFrom(numpy_helper.from_array(rounded, weights.name))
    onnx.save(model, str(tmp_path / "half.onnx"))
    half = replace(field, folder=tmp_path, model=tmp_path / "half.onnx")
    for precisions in (["fp32", "fp16-weights"], ["fp16-weights"]):
        told = half.run(precisions=precisions)
        cell = told.cell(precision="fp16-weights")
        assert cell.verdict is Verdict.PASS, cell.reason
        assert cell.effective is not None
        assert "storing the weights as float16 loses nothing" in cell.effective.note


def forge(path: Path) -> None:
    notes = path.with_name(path.name + ".json")
    notes.write_text(json.dumps({**json.loads(notes.read_text()), "sha256": sha256_of(path)}))


CONVERTERS = {
    "writes nothing": "return True",
    "writes an empty file": "open(made, 'wb').close(); return True",
    "writes half a file": "real.mnnconvert(args); data = open(made, 'rb').read(); "
    "open(made, 'wb').write(data[:len(data) // 2]); return True",
    "writes another model": "open(made, 'wb').write(open('{other}', 'rb').read()); return True",
    "kills itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}
TOOLS = """
import importlib.util, sys
def _real():
    for folder in sys.path:
        for found in __import__("glob").glob(folder + "/_tools*.so"):
            spec = importlib.util.spec_from_file_location("_tools", found)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
def mnnconvert(args):
    import MNN
    real = _real()
    made = args[args.index("--MNNModel") + 1]
    {body}
"""


def converter(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a module in the place of MNN's own, in the converter's process."""
    folder.mkdir()
    (folder / "_tools.py").write_text(TOOLS.format(body=body))
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize("how", CONVERTERS)
def test_a_converter_that_succeeds_without_writing_a_model(
    field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    other = small_model(tmp_path / "other.onnx") if "another" in how else b""
    (tmp_path / "other.mnn").write_bytes(other)
    monkeypatch.setenv("FARM_CACHE", str(tmp_path / "empty"))
    converter(tmp_path / "tools", CONVERTERS[how].replace("{other}", str(tmp_path / "other.mnn")), monkeypatch)
    told = field.run()
    assert ending(told.cell()) == Code.CONVERSION_FAILED
    assert not list((tmp_path / "empty").rglob("*.mnn"))


@pytest.mark.parametrize(("precision", "weights"), REDUCED)
def test_a_converter_that_leaves_the_weights_as_they_are(
    field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, weights: str
) -> None:
    """MNN ignores flags that it does not understand: other bytes, another name, and the fp32 model inside."""
    monkeypatch.setenv("FARM_CACHE", str(tmp_path / "empty"))
    drop = "real.mnnconvert([a for a in args if a not in ('--weightQuantBits', '8', '--fp16')]); return True"
    converter(tmp_path / "tools", drop, monkeypatch)
    told = field.run(precisions=["fp32", precision])
    assert told.cell().verdict is Verdict.PASS
    assert told.cell().variant != told.cell(precision=precision).variant
    assert ending(told.cell(precision=precision)) == Code.CONVERSION_FAILED
    alone = field.run(precisions=[precision])
    assert ending(alone.cell(precision=precision)) == Code.CONVERSION_FAILED


def small_model(path: Path) -> bytes:
    """An .mnn file with other inputs and outputs."""
    from onnx import helper

    from harness.models.samples import SampleSet
    from harness.models.variants import make_variant
    from tests.models.builders import source_of

    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["answer"]),
    ]
    save(path, nodes, {}, inputs={"picture": [1, 3, 16, 16]}, outputs={"answer": [1, 3]})
    samples = SampleSet(images(1), None, *IMAGENET, ("x",))
    return make_variant(source_of(path), Weights(), samples, cache=path.parent / "made").path.read_bytes()


def test_the_forged_tools_are_those_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the converters above would all be MNN's own."""
    import subprocess

    converter(tmp_path / "tools", "return 'forged'", monkeypatch)
    code = "import _tools; print(_tools.mnnconvert(['--MNNModel', 'x']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "forged"


def test_normalisation_on_the_device_is_the_coordinators() -> None:
    """One definition: a device cannot normalise in a way of its own without being another agent."""
    x = images(2)
    by_hand = (x.astype(np.float64) / 255 - np.reshape(IMAGENET[0], (1, 3, 1, 1))) / np.reshape(
        IMAGENET[1], (1, 3, 1, 1)
    )
    np.testing.assert_allclose(normalise(x, *IMAGENET), by_hand, rtol=1e-5, atol=1e-6)
