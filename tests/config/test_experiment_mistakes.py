"""Every mistake in an experiment is told with its line, what was read, what was expected and what is near."""

from pathlib import Path

import pytest

from tests.config.yaml_text import experiment_mistakes

MODEL = "models: [{name: b0, bundled: efficientvit_b0}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("m.onnx", "m.mnn", "m.txt", "s.npz", "l.csv", "w.pth"):
        (tmp_path / name).touch()
    (tmp_path / "images").mkdir()
    return tmp_path


MODELS = [
    (
        "{name: a, file: no.onnx, samples: {images: images}}",
        "models[0].file (a): read 'no.onnx' (text), expected a file",
    ),
    ("{name: a, file: m.txt, samples: {images: images}}", "expected a file named *.onnx or *.mnn"),
    ("{name: a, file: images, samples: {images: images}}", "expected a file named *.onnx or *.mnn"),
    ("{name: a, fil: m.onnx, bundled: b}", "models[0].fil (a): unknown key; did you mean 'file'?"),
    ("{name: a}", "models[0] (a): no model, expected exactly one of file, bundled, timm"),
    ("{name: a, bundled: b, timm: c}", "models[0].timm (a): bundled and timm together, expected exactly one of"),
    (
        "{name: a, file: m.onnx}",
        "models[0] (a): no samples, expected samples: {images: folder} or {arrays: file.npz}",
    ),
    ("{name: a, timm: c}", "no samples"),
    ("{name: a, bundled: b, state_dict: w.pth}", "models[0].state_dict (a): a state dict; it goes with `timm:` only"),
    ("{name: a, timm: b, state_dict: x, samples: {images: images}}", "expected a file that exists"),
    (
        "{name: a, timm: 'hub:x y', samples: {images: images}}",
        "models[0].timm (a): read 'hub:x y' (text), expected a name",
    ),
    ("{name: a b, bundled: b}", "models[0].name (a b): read 'a b' (text), expected a name of letters, digits"),
    ("{name: ../a, bundled: b}", "expected a name of letters, digits"),
    ("{name: 3, bundled: b}", "read 3, expected text; put it in quotes"),
    ("{bundled: b}", "models[0].name: the key 'name' is missing"),
    ("a", "models[0]: read 'a' (text), expected a mapping"),
    (
        "{name: a, bundled: b, samples: {}}",
        "models[0].samples (a): neither of them, expected either images or arrays",
    ),
    ("{name: a, bundled: b, samples: 3}", "models[0].samples (a): read 3, expected a mapping"),
    ("{name: a, bundled: b, samples: {images: images, arrays: s.npz}}", "both, expected either images or arrays"),
    (
        "{name: a, bundled: b, samples: {images: m.txt}}",
        "samples.images (a): read 'm.txt' (text), expected a folder that",
    ),
    ("{name: a, bundled: b, samples: {arrays: m.txt}}", "expected a file named *.npz"),
    ("{name: a, bundled: b, samples: {image: images}}", "unknown key; did you mean 'images'?"),
    (
        "{name: a, bundled: b, samples: {arrays: s.npz, labels: l.csv}}",
        "samples.labels (a): a key for images; arrays are",
    ),
    ("{name: a, bundled: b, samples: {arrays: s.npz, mean: [0, 0, 0]}}", "samples.mean (a): a key for images"),
    ("{name: a, bundled: b, samples: {images: images, labels: no.csv}}", "there is no file"),
    (
        "{name: a, bundled: b, samples: {images: images, size: 0}}",
        "samples.size (a): read 0, expected a whole number 8..4096",
    ),
    ("{name: a, bundled: b, samples: {images: images, size: '224'}}", "write it without quotes"),
    ("{name: a, bundled: b, samples: {images: images, mean: []}}", "expected a list of numbers, one a channel"),
    (
        "{name: a, bundled: b, samples: {images: images, mean: [0, 0, a]}}",
        "expected a list of numbers, one a channel",
    ),
    (
        "{name: a, bundled: b, samples: {images: images, mean: [0, 0, true]}}",
        "expected a list of numbers, one a channel",
    ),
    ("{name: a, bundled: b, samples: {images: images, std: [1, 0, 1]}}", "expected numbers above 0"),
    ("{name: a, bundled: b, samples: {images: images, std: [1]}}", "samples.std (a): 3 means and 1 deviations"),
    ("{name: a, bundled: b, samples: {images: images, mean: [0], std: [1, 1]}}", "1 means and 2 deviations"),
]


@pytest.mark.parametrize(("line", "expected"), MODELS)
def test_a_models_key(folder: Path, line: str, expected: str) -> None:
    found = experiment_mistakes(folder, f"models:\n  - {line}\n")
    assert any(expected in told for told in found), found
    assert all(told.startswith("exp.yaml:2: models[0]") for told in found)
    assert len(found) == (2 if "image:" in line else 1)


PRECISIONS = [
    (
        "fp61",
        "read 'fp61' (text), expected a precision's name, or one written out as {name: …}; did you mean 'fp16'?",
    ),
    ("FP16", "did you mean 'fp16'?"),
    ("w8-lowmen", "did you mean 'w8-lowmem'?"),
    ("16", "read 16, expected a precision's name"),
    ("{weights: {bits: 8}}", "precisions[0].name: the key 'name' is missing"),
    (
        "{name: fp16}",
        "precisions[0].name (fp16): read 'fp16' (text), expected a name that the farm has not given yet",
    ),
    ("{name: mixed}", "expected a name that the farm has not given yet"),
    ("{name: A}", "expected a name of a-z 0-9 . _ -"),
    ("{name: x, weight: {bits: 8}}", "precisions[0].weight (x): unknown key; did you mean 'weights'?"),
    ("{name: x, weights: {bit: 8}}", "precisions[0].weights.bit (x): unknown key; did you mean 'bits'?"),
    ("{name: x, weights: {bits: 1}}", "weights.bits (x): read 1, expected a whole number 2..8"),
    ("{name: x, weights: {bits: 9}}", "expected a whole number 2..8"),
    (
        "{name: x, weights: {bits: 8, half: true}}",
        "weights.bits (x): half and bits, expected one of half, bits and cali",
    ),
    ("{name: x, weights: {calibrated: true, half: true}}", "half and calibrated, expected one of"),
    ("{name: x, weights: {calibrated: true, bits: 8}}", "bits and calibrated, expected one of"),
    ("{name: x, weights: {block: 32}}", "weights.block (x): block without bits, expected bits: 2..8 beside it"),
    ("{name: x, weights: {half: true, hqq: true}}", "weights.hqq (x): hqq without bits"),
    ("{name: x, weights: {symmetric: true}}", "weights.symmetric (x): symmetric without bits"),
    ("{name: x, weights: {bits: 4, hqq: true, symmetric: true}}", "symmetric and hqq, expected one of them"),
    ("{name: x, weights: {bits: 4, block: 0}}", "weights.block (x): read 0, expected a whole number 1..4096"),
    (
        "{name: x, weights: {keep_float: [a]}}",
        "weights.keep_float (x): keep_float without bits or calibrated, expected bits: 2..8 or calibrated: true",
    ),
    ("{name: x, weights: {half: true, keep_float: [a]}}", "keep_float without bits or calibrated"),
    ("{name: x, weights: {bits: 8, keep_float: a}}", "weights.keep_float (x): read 'a' (text), expected a list"),
    ("{name: x, weights: {bits: 8, keep_float: []}}", "weights.keep_float (x): an empty list, expected at least one"),
    ("{name: x, weights: {bits: 8, keep_float: [3]}}", "weights.keep_float[0] (x): read 3, expected text"),
    (
        "{name: x, weights: {bits: 8, keep_float: [a, b, a]}}",
        "weights.keep_float (x): 'a' (text) twice, expected each",
    ),
    ("{name: x, weights: {bits: 8, keep_flot: [a]}}", "unknown key; did you mean 'keep_float'?"),
    (
        "{name: x, weights: {rewrites: [mean-pol]}}",
        "weights.rewrites[0] (x): read 'mean-pol' (text), expected one of mean-pool, scale-attention, sum-matmul, "
        "epsilon; did you mean 'mean-pool'?",
    ),
    ("{name: x, weights: {rewrites: [3]}}", "weights.rewrites[0] (x): read 3, expected one of mean-pool"),
    ("{name: x, weights: {rewrites: epsilon}}", "weights.rewrites (x): read 'epsilon' (text), expected a list"),
    ("{name: x, weights: {rewrites: []}}", "weights.rewrites (x): an empty list, expected at least one entry"),
    ("{name: x, weights: {rewrites: [epsilon, epsilon]}}", "weights.rewrites (x): 'epsilon' (text) twice"),
    (
        "{name: x, weights: {calibrated: true, rewrites: [mean-pool]}}",
        "weights.rewrites (x): mean-pool and calibrated, expected one of them; mnnquant crashes on ReduceMean",
    ),
    ("{name: x, weights: {half: 1}}", "read 1, expected true or false"),
    ("{name: x, weights: w8}", "precisions[0].weights (x): read 'w8' (text), expected a mapping"),
    ("{name: x, compute: low}", "read 'low' (text), expected one of fp32, fp16, bf16"),
    ("{name: x, compute: fp61}", "did you mean 'fp16'?"),
    ("{name: x, memory: lo}", "expected one of normal, low"),
    ("{name: x, backend: openlc}", "expected one of cpu, opencl, vulkan, cuda, nnapi; did you mean 'opencl'?"),
    ("{name: x, hints: {winogrd: 1}}", "hints.winogrd (x): the key 'winogrd' (text), expected one of winograd,"),
    ("{name: x, hints: {winograd: true}}", "hints.winograd (x): read true, expected a whole number"),
    ("{name: x, hints: {cpu_core_ids: 1}}", "cores are the device's `cpus:` in the inventory"),
    ("{name: x, hints: 1}", "read 1, expected a mapping"),
]


@pytest.mark.parametrize(("line", "expected"), PRECISIONS)
def test_a_precision(folder: Path, line: str, expected: str) -> None:
    (found,) = experiment_mistakes(folder, f"{MODEL}precisions:\n  - {line}\n")
    assert found.startswith("exp.yaml:3: precisions[0]")
    assert expected in found


CHOICES = [
    ("precisions: []", "precisions: read an empty list, expected a list of at least one precision"),
    ("precisions: fp16", "precisions: read 'fp16' (text), expected a list"),
    ("precisions: [fp32, fp32]", "precisions[1]: the precision 'fp32' (text) a second time; already at line 2"),
    ("precisions: [{name: x}, {name: x}]", "precisions[1]: the precision 'x' (text) a second time"),
    ("engines: []", "engines: an empty list, expected at least one entry"),
    ("engines: 3.6.1", "engines: read '3.6.1' (text), expected a list"),
    ("engines: [3.6]", "engines[0]: read 3.6, expected text; put it in quotes"),
    ("engines: ['3.6']", "engines[0]: read '3.6' (text), expected a version of three numbers in quotes"),
    ("engines: ['3.6.1', '3.6.01']", "engines[1]: read '3.6.01' (text)"),
    ("engines: ['3.6.1; rm']", "expected a version of three numbers"),
    ("engines: ['3.6.1', '3.6.1']", "engines: '3.6.1' (text) twice, expected each entry once"),
    ("devices: []", "devices: an empty list, expected at least one entry; or leave the key out for the default"),
    ("devices: a53", "devices: read 'a53' (text), expected a list"),
    ("devices: [3]", "devices[0]: read 3, expected text"),
    ("devices: [soc=]", "devices[0]: read 'soc=' (text), expected a device name or label=value"),
    ("devices: [=x]", "expected a device name or label=value"),
    ("devices: [a, a]", "devices: 'a' (text) twice"),
    ("sampling: {max_images: 0}", "sampling.max_images: read 0, expected a whole number 1..1000000"),
    ("sampling: {max_image: 5}", "sampling.max_image: unknown key; did you mean 'max_images'?"),
    ("sampling: {batch: 2.5}", "sampling.batch: read 2.5, expected a whole number"),
    ("sampling: {confidence: 0.5}", "sampling.confidence: read 0.5, expected a number above 0.5 and below 1"),
    ("sampling: {confidence: 1}", "sampling.confidence: read 1, expected a number above 0.5 and below 1"),
    ("sampling: {confidence: 95}", "expected a number above 0.5 and below 1"),
    ("sampling: {seed: -1}", "sampling.seed: read -1, expected a whole number 0..4294967295"),
    ("sampling: 5", "sampling: read 5, expected a mapping"),
    ("thresholds: {accuracy_drop_points: 100}", "above 0 and below 100; a threshold that can never fail"),
    (
        "thresholds: {accuracy_drop_points: 0}",
        "above 0 and below 100; a threshold that can never fail, or never pass",
    ),
    ("thresholds: {accuracy_drop_points: -2}", "a threshold that can never fail, or never pass, says nothing"),
    (
        "thresholds: {agreement: 0}",
        "thresholds.agreement: read 0, expected a number above 0 and below 1; a threshold",
    ),
    ("thresholds: {agreement: 1}", "above 0 and below 1; a threshold"),
    ("thresholds: {agreement: 97}", "above 0 and below 1; a threshold"),
    ("thresholds: {agreement: '0.97'}", "write it without quotes"),
    ("thresholds: {accuracy: 2}", "thresholds.accuracy: unknown key; did you mean 'accuracy_drop_points'?"),
    ("timing: {warmup: -1}", "timing.warmup: read -1, expected a whole number 0..10000"),
    ("timing: {repeats: 0}", "timing.repeats: read 0, expected a whole number 1..100000"),
    ("timing: {repeat: 3}", "timing.repeat: unknown key; did you mean 'repeats'?"),
    ("known_failures: {}", "known_failures: read a mapping, expected a list"),
    ("known_failures: [a]", "known_failures[0]: read 'a' (text), expected a mapping"),
    (
        "known_failures: [{device: d, model: b0, precision: fp16}]",
        "known_failures[0].reason: the key 'reason' is missing",
    ),
    (
        "known_failures: [{device: d, model: b0, precision: fp16, reason: ''}]",
        "known_failures[0].reason: read '' (text)",
    ),
    (
        "known_failures: [{device: d, model: b00, precision: fp16, reason: r}]",
        "known_failures[0].model: read 'b00' (text), expected a model of this experiment; did you mean 'b0'?",
    ),
    (
        "known_failures: [{device: d, model: b0, precision: fp61, reason: r}]",
        "precision: read 'fp61' (text), expected a precision of this experiment; did you mean 'fp16'?",
    ),
    ("known_failures: [{device: d, model: b0, precision: fp16, reasn: r, reason: r}]", "did you mean 'reason'?"),
    ("sampel: {}", "sampel: unknown key; did you mean 'sampling'?"),
    ("model: {}", "model: unknown key; did you mean 'models'?"),
]


@pytest.mark.parametrize(("line", "expected"), CHOICES)
def test_a_choice(folder: Path, line: str, expected: str) -> None:
    (found,) = experiment_mistakes(folder, f"{MODEL}{line}\n")
    assert found.startswith("exp.yaml:2: ")
    assert expected in found


WHOLE_FILES = [
    ("", ["exp.yaml:1: read nothing, expected a mapping", "exp.yaml:1: models: the key 'models' is missing"]),
    ("{}", ["exp.yaml:1: models: the key 'models' is missing, expected a list of at least one model"]),
    ("models: []", ["exp.yaml:1: models: read an empty list, expected a list of at least one model"]),
    (
        "models:\n- {name: a, bundled: b}\n- name: a\n  bundled: c",
        ["exp.yaml:3: models[1].name: the name 'a' (text) a second time; already at line 2"],
    ),
    (
        MODEL + "known_failures:\n" + "- {device: d, model: b0, precision: fp16, reason: r}\n" * 2,
        ["exp.yaml:4: known_failures[1]: the same cell as before; already entry 0"],
    ),
    (
        "models:\n- {name: a, file: x.onnx, samples: {images: no}}\nprecisions:\n- fp61\n"
        "- {name: x, weights: {bits: 1}}\n"
        "thresholds: {agreement: 2}\nknown_failures:\n- {device: d, model: b, precision: y, reason: r}",
        [
            "exp.yaml:2: models[0].file (a): read 'x.onnx'",
            "exp.yaml:2: models[0].samples.images (a): read 'no'",
            "exp.yaml:4: precisions[0]: read 'fp61'",
            "exp.yaml:5: precisions[1].weights.bits (x): read 1",
            "exp.yaml:6: thresholds.agreement: read 2",
            "exp.yaml:8: known_failures[0].model: read 'b'",
            "exp.yaml:8: known_failures[0].precision: read 'y'",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WHOLE_FILES)
def test_a_whole_file(folder: Path, text: str, expected: list[str]) -> None:
    found = experiment_mistakes(folder, text)
    assert [told[: len(want)] for told, want in zip(found, expected, strict=True)] == expected
