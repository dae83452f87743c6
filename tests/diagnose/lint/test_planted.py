"""Planted causes: sane in fp32, and the lint names the culprit first."""

from pathlib import Path

import numpy as np
import pytest

from harness.diagnose.lint.calibration import observe
from harness.diagnose.lint.hazard import Hazard, Kind, Reduced
from harness.diagnose.lint.hazards import find
from harness.diagnose.lint.propagation import block_error
from harness.models import host
from harness.models.load_samples import load_samples
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import make_variant
from harness.precision import Weights
from tests.diagnose.lint.builders import Floats, floats
from tests.diagnose.planted import BLOCKS, CLASSES, Cause, culprit_node, images, planted, run, side, write

EXPECTED = {
    Cause.EPSILON: (1, Reduced.FP16, Kind.VANISHING_CONSTANT),
    Cause.ACCUMULATION: (2, Reduced.FP16, Kind.LONG_ACCUMULATION),
    Cause.OVERFLOW: (0, Reduced.FP16, Kind.OVERFLOW),
    Cause.POOLING: (3, Reduced.FP16, Kind.POOLING),
    Cause.OUTLIER: (1, Reduced.W8, Kind.WEIGHT_RANGE),
}
"""Where each is planted here, and what the lint must say of it."""


def linted(cause: Cause, position: int, folder: Path) -> tuple[list[Hazard], dict[str, float]]:
    """Return the hazards in what is expected to suffer, and what is foretold of each block there."""
    path, _, _ = write(folder, cause, position, count=1)
    graph, calibration = observe(path, [image[None] for image in images(cause, 3)])
    precision = EXPECTED[cause][1]
    foretold = {}
    for block in range(BLOCKS):
        names = {node.name for node in graph.nodes if node.name.startswith(f"/blocks/blocks.{block}/")}
        foretold[f"blocks.{block}"] = block_error(graph, calibration, names, precision)
    return [hazard for hazard in find(graph, calibration) if hazard.precision is precision], foretold


@pytest.mark.parametrize("cause", list(Cause))
def test_the_culprit_comes_first(cause: Cause, tmp_path: Path) -> None:
    position, _, kind = EXPECTED[cause]
    found, foretold = linted(cause, position, tmp_path)
    assert (found[0].node, found[0].kind) == (culprit_node(cause, position), kind)
    innocent = [hazard.predicted for hazard in found if hazard.node != culprit_node(cause, position)]
    assert max(innocent, default=0.0) < found[0].predicted / 10
    others = [error for name, error in foretold.items() if name != f"blocks.{position}"]
    assert foretold[f"blocks.{position}"] > 5 * max(others)


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("position", [0, BLOCKS - 1])
def test_they_are_sane_in_fp32(cause: Cause, position: int) -> None:
    model, block = planted(cause, position)
    assert block == f"blocks.{position}"
    assert culprit_node(cause, position) in {node.name for node in model.graph.node}
    outputs = run(model, images(cause, 40, seed=3))
    assert outputs.shape == (40, CLASSES)
    assert np.isfinite(outputs).all()
    counts = np.bincount(outputs.argmax(axis=1), minlength=CLASSES)
    assert counts.max() < 30
    assert np.count_nonzero(counts) >= 3


def test_equal_ones_are_equal() -> None:
    first, second = (planted(Cause.OUTLIER, 2)[0].SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_names_are_those_of_an_exporter() -> None:
    for node in planted(Cause.ACCUMULATION, 1)[0].graph.node:
        own = [f"{node.name}_output_0", "logits"]
        assert node.output[0] in own
        assert node.name.startswith(("/stem/", "/blocks/blocks.", "/head/"))


def test_samples_are_labelled_as_the_model_answers(tmp_path: Path) -> None:
    path, samples, _ = write(tmp_path, Cause.POOLING, 0, count=5)
    source = resolve(name="m", file=path, cache=tmp_path)
    read = load_samples(source, arrays=samples, max_images=5, seed=0)
    assert source.signature.input_shape == (1, 3, side(Cause.POOLING), side(Cause.POOLING))
    assert read.labels is not None
    np.testing.assert_array_equal(run(planted(Cause.POOLING, 0)[0], read.x).argmax(axis=1), read.labels)


def outputs(source: ModelSource, samples: SampleSet, weights: Weights, cache: Path) -> Floats:
    variant = make_variant(source, weights, samples, cache=cache, allow_nonfinite=True)
    return host.run_file(variant.path, source.signature, samples, runtime=host.fp32())


@pytest.mark.parametrize(
    ("cause", "harmful", "harmless"),
    [
        (Cause.EPSILON, Weights(half=True), Weights(bits=8)),
        (Cause.OUTLIER, Weights(bits=8), Weights(half=True)),
    ],
)
def test_the_engine_itself_suffers_as_planted(
    cause: Cause, harmful: Weights, harmless: Weights, tmp_path: Path
) -> None:
    """What weights and constants do shows on any machine; the others need float16 arithmetic."""
    path, arrays, _ = write(tmp_path, cause, EXPECTED[cause][0], count=3)
    source = resolve(name="m", file=path, cache=tmp_path)
    samples = load_samples(source, arrays=arrays, max_images=3, seed=0)
    right = run(planted(cause, EXPECTED[cause][0])[0], samples.x)

    def errors(weights: Weights) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            wrong = outputs(source, samples, weights, tmp_path).astype(np.float64) - right
            return floats(np.linalg.norm(wrong, axis=1) / np.linalg.norm(right, axis=1))

    assert not (errors(harmful) < 0.3).any()
    assert (errors(harmless) < 0.05).all()
    assert (errors(Weights()) < 1e-4).all()
