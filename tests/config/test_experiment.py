"""A good experiment means what it says: defaults, sources, samples, precisions."""

from pathlib import Path
from random import Random

import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.config.experiment import Experiment, load_experiment, read_experiment
from harness.config.model_entry import ModelEntry, Samples
from harness.config.yaml_lines import parse
from harness.errors import Code
from harness.precision import CATALOGUE, Backend, Compute, Memory, Precision, Weights
from harness.results import Thresholds
from tests.config.yaml_text import experiment

REPOSITORY = Path(__file__).parents[2]
MODEL = "models: [{name: b0, bundled: efficientvit_b0}]\n"


def test_the_defaults_are_the_contracts(tmp_path: Path) -> None:
    found = experiment(tmp_path, MODEL)
    assert found.models == (ModelEntry(name="b0", bundled="efficientvit_b0"),)
    assert found.precisions == tuple(CATALOGUE.values())
    assert found.engines == ("3.6.1",)
    assert found.devices == ()
    assert found.sampling.model_dump() == {"max_images": 200, "batch": 25, "confidence": 0.95, "seed": 0,
        "share_verdicts": True,
    }  # fmt: skip
    assert found.thresholds == Thresholds(accuracy_drop_points=2.0, agreement=0.97)
    assert found.timing.model_dump() == {"warmup": 3, "repeats": 10}
    assert found.known_failures == ()


def test_every_key(tmp_path: Path) -> None:
    for name in ("m.ONNX", "n.mnn", "s.npz", "l.csv", "w.pth"):
        (tmp_path / name).touch()
    (tmp_path / "images").mkdir()
    text = """\
models:
  - name: my-b1
    file: m.ONNX
    samples: {images: images/, labels: l.csv, size: 64, mean: [0], std: [1]}
  - {name: arrays, file: n.mnn, samples: {arrays: s.npz}}
  - {name: T, timm: efficientvit_b1.r224_in1k, state_dict: w.pth, samples: {images: images}}
  - {name: b0, bundled: efficientvit_b0, samples: {images: images}}
precisions: [fp16, fp32, {name: w8-lowmem-fp16, weights: {bits: 8}, compute: fp16, memory: low, hints: {winograd: 1}}]
engines: ["3.6.1", "3.0.0"]
devices: [a53, soc=BCM2712, rev=1.10, eq=a=b]
sampling: {max_images: 1, batch: 1, confidence: 0.999, seed: 4294967295, share_verdicts: false}
thresholds: {accuracy_drop_points: 0.5, agreement: 0.5, relative_l2: 0.5, cosine: 0.25}
timing: {warmup: 0, repeats: 1}
known_failures: [{device: a53, model: T, precision: w8-lowmem-fp16, reason: "known"}]
"""
    found = experiment(tmp_path, text)
    images = tmp_path / "images"
    assert found.models == (
        ModelEntry(
            name="my-b1",
            file=tmp_path / "m.ONNX",
            samples=Samples(images=images, labels=tmp_path / "l.csv", size=64, mean=(0.0,), std=(1.0,)),
        ),
        ModelEntry(name="arrays", file=tmp_path / "n.mnn", samples=Samples(arrays=tmp_path / "s.npz")),
        ModelEntry(
            name="T",
            timm="efficientvit_b1.r224_in1k",
            state_dict=tmp_path / "w.pth",
            samples=Samples(images=images, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        ),
        ModelEntry(name="b0", bundled="efficientvit_b0", samples=Samples(images=images)),
    )
    assert [model.source.split(":")[0] for model in found.models] == ["file", "file", "timm", "bundled"]
    assert found.precisions == (
        CATALOGUE["fp16"],
        CATALOGUE["fp32"],
        Precision("w8-lowmem-fp16", Weights(bits=8), Compute.FP16, Memory.LOW, Backend.CPU, hints=(("winograd", 1),)),
    )
    assert found.engines == ("3.6.1", "3.0.0")
    assert found.devices == ("a53", "soc=BCM2712", "rev=1.10", "eq=a=b")
    assert found.sampling.model_dump() == {"max_images": 1, "batch": 1, "confidence": 0.999, "seed": 4294967295,
        "share_verdicts": False,
    }  # fmt: skip
    asked = {"accuracy_drop_points": 0.5, "agreement": 0.5, "relative_l2": 0.5, "cosine": 0.25}
    assert found.thresholds.model_dump() == asked
    assert found.timing.model_dump() == {"warmup": 0, "repeats": 1}
    assert [known.model_dump() for known in found.known_failures] == [
        {"device": "a53", "model": "T", "precision": "w8-lowmem-fp16", "reason": "known"}
    ]


def test_every_part_of_a_written_out_precision(tmp_path: Path) -> None:
    text = MODEL + (
        "precisions:\n"
        "- {name: a, weights: {half: true}, compute: bf16, backend: opencl, hints: {winograd: 2, dynamic_quant: 1}}\n"
        "- {name: b, weights: {bits: 4, block: 64, hqq: true}, memory: low}\n"
        "- {name: c, weights: {bits: 2, symmetric: true, half: false, hqq: false, calibrated: false}}\n"
        "- {name: d, weights: {calibrated: true}, memory: low}\n"
        "- {name: e, memory: low}\n"
        "- {name: f, weights: {bits: 8, keep_float: [/b/Conv_0, /a/Conv_0], rewrites: [sum-matmul, epsilon]}}\n"
        "- {name: g, weights: {calibrated: true, keep_float: [logits], rewrites: [scale-attention]}}\n"
        "- {name: h, weights: {rewrites: [mean-pool]}, compute: fp16}\n"
    )
    a, b, c, d, e, f, g, h = experiment(tmp_path, text).precisions
    hints = (("dynamic_quant", 1), ("winograd", 2))
    assert a == Precision("a", Weights(half=True), Compute.BF16, Memory.NORMAL, Backend.OPENCL, hints)
    assert b == Precision("b", Weights(bits=4, block=64, hqq=True), memory=Memory.LOW)
    assert c == Precision("c", Weights(bits=2, symmetric=True))
    assert d == Precision("d", Weights(calibrated=True), memory=Memory.LOW)
    assert e == Precision("e", memory=Memory.LOW)
    kept = ("/a/Conv_0", "/b/Conv_0")
    assert f == Precision("f", Weights(bits=8, keep_float=kept, rewrites=("epsilon", "sum-matmul")))
    assert g == Precision("g", Weights(calibrated=True, keep_float=("logits",), rewrites=("scale-attention",)))
    assert h == Precision("h", Weights(rewrites=("mean-pool",)), Compute.FP16)
    assert a.hint_numbers == ((5, 1), (3, 2))
    assert a.runtime(4) == {"backend": 3, "numThread": 4, "precision": 3, "memory": 0, "power": 0}


def test_the_lines_of_what_the_plan_checks_are_kept_but_are_no_part_of_the_meaning(tmp_path: Path) -> None:
    found = experiment(tmp_path, MODEL + "devices:\n- a\n- b\n")
    assert (found.lines["devices[0]"], found.lines["devices[1]"]) == (3, 4)
    assert "lines" not in found.model_dump()


def test_the_example_loads_and_says_what_the_defaults_are() -> None:
    found = load_experiment(REPOSITORY / "inventory/experiment-example.yaml")
    least = Experiment(path=found.path, models=found.models, precisions=found.precisions)
    assert found.model_dump() == least.model_dump()
    assert {precision.name for precision in found.precisions} > set(CATALOGUE)


def test_the_default_experiment_loads() -> None:
    found = load_experiment(REPOSITORY / "inventory/default-experiment.yaml")
    assert [model.bundled for model in found.models] == ["efficientvit_b0", "efficientvit_m0"]
    assert found.precisions[0].name == "fp32"


PRECISIONS = st.lists(st.sampled_from(list(CATALOGUE)), min_size=1, unique=True)


@given(PRECISIONS, st.integers(1, 10**6), st.floats(0.501, 0.999), st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_nothing(names: list[str], images: int, confidence: float, random: Random) -> None:
    raw: dict[str, object] = {
        "models": [{"name": "a", "bundled": "b"}],
        "precisions": [*names, {"name": "own", "weights": {"bits": 4, "block": 32}, "memory": "low"}],
        "sampling": {"max_images": images, "confidence": confidence},
    }
    shuffled = dict(random.sample(list(raw.items()), len(raw)))
    first, second = read(raw, flow=True), read(shuffled, flow=False)
    assert first.model_dump() == second.model_dump()
    assert [precision.name for precision in first.precisions] == [*names, "own"]
    assert first.sampling.max_images == images
    assert first.sampling.confidence == confidence


def read(raw: dict[str, object], *, flow: bool) -> Experiment:
    text = yaml.safe_dump(raw, default_flow_style=flow, sort_keys=False)
    return read_experiment(parse(text, Path("exp.yaml"), Code.BAD_EXPERIMENT))
