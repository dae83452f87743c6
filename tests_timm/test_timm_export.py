import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import Code, InputError
from harness.models import host, timm_export
from harness.models.golden import golden
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import make_variant
from harness.models.worker_process import ask_worker
from harness.precision import Weights

CLASSES = 7
SIDE = 64

MAKE_WEIGHTS = """
import sys
from harness.models.timm_worker import import_timm
timm = import_timm()
import torch
name, folder, classes = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.manual_seed(0)
options = {"img_size": 64} if name.startswith("efficientvit_m") else {}
model = timm.create_model(name, pretrained=False, num_classes=classes, **options).eval()
for layer in model.modules():  # as if it had seen something: not all normalisations alike
    if isinstance(layer, torch.nn.BatchNorm2d):
        layer.running_mean.uniform_(-0.1, 0.1)
        layer.running_var.uniform_(0.5, 1.5)
torch.save(model.state_dict(), f"{folder}/{name}.pth")
import numpy as np
x = np.load(f"{folder}/x.npy")
with torch.no_grad():
    np.save(f"{folder}/{name}.npy", np.concatenate([model(torch.from_numpy(i[None])).numpy() for i in x]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with seeded weights of two models, inputs, and what torch answers."""
    path = tmp_path_factory.mktemp("timm")
    np.save(path / "x.npy", np.random.RandomState(0).randn(4, 3, SIDE, SIDE).astype(np.float32))
    for name in ("efficientvit_b0", "efficientvit_m0"):
        # torch in a process of its own here too: it and MNN bring their own OpenMP each.
        subprocess.run([sys.executable, "-c", MAKE_WEIGHTS, name, str(path), str(CLASSES)], check=True)
    return path


def exported(folder: Path, name: str, **options: Any) -> ModelSource:
    weights = folder / f"{name}.pth"
    return resolve(name="mine", timm=name, state_dict=weights, size=SIDE, cache=folder / "cache", **options)


def samples_of(folder: Path) -> SampleSet:
    x = np.load(folder / "x.npy")
    return SampleSet(x, None, (), (), tuple(map(str, range(len(x)))))


@pytest.mark.parametrize("name", ["efficientvit_b0", "efficientvit_m0"])
def test_the_exported_model_gives_what_torch_gives(folder: Path, name: str) -> None:
    source, samples = exported(folder, name), samples_of(folder)
    assert source.signature.input_shape == (1, 3, SIDE, SIDE)
    assert source.signature.output_shape == (1, CLASSES)
    by_torch = np.load(folder / f"{name}.npy")
    np.testing.assert_allclose(golden(source, samples, cache=folder), by_torch, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["efficientvit_b0", "efficientvit_m0"])
def test_mnn_converts_it(folder: Path, name: str) -> None:
    source, samples = exported(folder, name), samples_of(folder)
    variant = make_variant(source, Weights(), samples, cache=folder)
    outputs = host.run_file(variant.path, variant.signature, samples, runtime=host.fp32())
    np.testing.assert_allclose(outputs, np.load(folder / f"{name}.npy"), rtol=1e-3, atol=1e-3)


def test_the_card_says_what_timm_knows(folder: Path) -> None:
    card = exported(folder, "efficientvit_b0").card
    assert (card["architecture"], card["weights"], card["size"]) == ("efficientvit_b0", "efficientvit_b0.pth", SIDE)
    assert (card["mean"], card["std"]) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def test_a_model_is_exported_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = exported(folder, "efficientvit_b0")
    monkeypatch.setattr(timm_export, "ask_worker", None)
    assert exported(folder, "efficientvit_b0").sha256 == first.sha256


def refusal(**options: Any) -> str:
    with pytest.raises(InputError) as caught:
        resolve(name="mine", **options)
    assert caught.value.problem.code is Code.BAD_MODEL
    return caught.value.problem.message


def test_mistakes_of_the_user(folder: Path, tmp_path: Path) -> None:
    weights = folder / "efficientvit_b0.pth"
    (tmp_path / "junk.pth").write_bytes(b"junk")
    assert "has no model 'efficientvit_b99'" in refusal(timm="efficientvit_b99", cache=tmp_path)
    assert "does not fit efficientvit_b1" in refusal(timm="efficientvit_b1", state_dict=weights, cache=tmp_path)
    junk = tmp_path / "junk.pth"
    assert "junk.pth is no state dict" in refusal(timm="efficientvit_b0", state_dict=junk, cache=tmp_path)
    assert "there is no state dict" in refusal(timm="efficientvit_b0", state_dict=tmp_path / "none", cache=tmp_path)


def test_pretrained_weights_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    said = refusal(timm="efficientvit_b0.r224_in1k", cache=tmp_path)
    assert "could not be had" in said
    assert "give a state_dict" in said


def test_torch_stays_out_of_this_process(folder: Path) -> None:
    exported(folder, "efficientvit_m0")
    assert "torch" not in sys.modules


def test_an_answer_is_not_disturbed_by_what_torch_prints(folder: Path, tmp_path: Path) -> None:
    request = {
        "name": "efficientvit_b0",
        "state_dict": str(folder / "efficientvit_b0.pth"),
        "size": SIDE,
        "onnx": str(tmp_path / "m.onnx"),
    }
    assert set(ask_worker("timm_worker", request, deadline_s=600).values) == {"card"}
