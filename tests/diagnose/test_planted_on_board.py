"""Planted causes on an emulated board: named first, with what does it; repaired by a remedy; isolated by a plan.

By the agent alone; `tests.e2e.test_diagnosis` goes all the way with one of them, `make bench` with all.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.diagnose import mixing
from harness.diagnose.anatomy import anatomies
from harness.diagnose.blocks import Block, blocks
from harness.diagnose.explain import Scene, explain
from harness.diagnose.look import Question, Subject
from harness.diagnose.read import read
from harness.diagnose.remedies import repairs
from harness.diagnose.treating import guilty
from harness.diagnosis import Explanation
from harness.fleet.block_errors import block_errors
from harness.fleet.captures import captured
from harness.models.layers import layers_of
from harness.models.repaired import rewrites_of
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import Variant, make_variant
from harness.precision import CATALOGUE, Compute, Precision, Weights
from harness.results import CellResult, Metrics, Status, Verdict
from tests.agent.driver import AgentDriver
from tests.agent.models import convolutions
from tests.agent.served import Served, first_output, npy
from tests.agent.test_on_boards import LEASE, served, started
from tests.boards import RunningFleet
from tests.diagnose.planted import MECHANISMS, Cause, images, planted, write
from tests.diagnose.planted import run as answer
from tests.diagnose.treated_plants import BOARD, MORE_EXACT, MOST_EXACT_SHARE, SUFFERS, Plant, holds

pytestmark = pytest.mark.e2e

POSITION = 2


@pytest.fixture(scope="module")
def board(fleet: RunningFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    agent: AgentDriver = started(fleet.boards[BOARD])
    facts = agent.hello(LEASE)["facts"]
    yield served(agent, facts, convolutions(tmp_path_factory.mktemp("model")))
    assert agent.request("bye").ok
    agent.kill()


@dataclass(frozen=True)
class Looked:
    """A planted model that was looked into on the board."""

    plant: Plant
    asked: Precision
    source: ModelSource
    samples: SampleSet
    control: Variant
    blocks: tuple[Block, ...]
    explanation: Explanation


@pytest.fixture(scope="module", params=Cause)
def looked(board: Served, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Looked:
    plant = Plant(request.param, POSITION)
    path, _, _ = write(tmp_path_factory.mktemp(plant.model), plant.cause, POSITION, count=4)
    source = resolve(name=plant.model, file=path)
    samples = SampleSet(images(plant.cause, 2), None, (), (), ("a", "b"))
    asked = CATALOGUE[SUFFERS[plant.cause]]
    control = make_variant(source, Weights(), samples)
    variant = make_variant(source, asked.weights, samples, allow_nonfinite=True)
    graph = read(control.path, control.signature)
    found = blocks(graph)
    kernels = {layer.name: layer.kernel for layer in layers_of(source)}
    held, batch = board.agent.store(control.path.read_bytes()), board.agent.store(npy(samples.x))
    opened = board.open(
        plant.model,
        model=board.agent.store(variant.path.read_bytes()),
        runtime=asked.runtime(1),
        inputs=[control.signature.input_name],
        outputs=[control.signature.output_name],
    )
    assert opened.ok, opened.header
    asking = {"batch": batch, "mean": [], "std": [], "index": 0, "control": held}
    capture = board.ask("capture", plant.model, **asking)
    cut = [{"inputs": list(block.inputs), "outputs": list(block.outputs)} for block in found]
    errors = board.ask("blocks", plant.model, segments=cut, **asking)
    board.close(plant.model)
    scene = Scene(
        key=plant.key,
        asked=asked,
        images=(0,),
        flipped=0,
        blocks=found,
        inside=anatomies(graph, kernels),
        captures=(captured(capture.payload),),
        errors=(block_errors(errors.payload, count=len(found)),),
    )
    return Looked(plant, asked, source, samples, control, found, explain(scene))


def answers(board: Served, of: Looked, precision: Precision) -> NDArray[np.float32]:
    """Return what the board makes of the images at a precision, float32 [2, classes]."""
    file = make_variant(of.source, precision.weights, of.samples, allow_nonfinite=True)
    opened = board.open(
        "repaired",
        model=board.agent.store(file.path.read_bytes()),
        runtime=precision.runtime(1),
        hints=list(precision.hint_numbers),
        inputs=[of.control.signature.input_name],
        outputs=[of.control.signature.output_name],
        segments=[
            {"inputs": list(one.inputs), "outputs": list(one.outputs), "precision": one.compute.mnn}
            for one in precision.segments
        ],
    )
    assert opened.ok, opened.header
    batch = board.agent.store(npy(of.samples.x))
    reply = board.infer("repaired", batch=batch, mean=[], std=[], count=len(of.samples.x))
    board.close("repaired")
    return first_output(reply)


def off(board: Served, of: Looked, precision: Precision) -> float:
    """Return how far the board's answers are from onnxruntime's: the median of the images' relative L2."""
    exact = answer(planted(of.plant.cause, POSITION)[0], of.samples.x)
    apart = np.linalg.norm(answers(board, of, precision) - exact, axis=1) / np.linalg.norm(exact, axis=1)
    return float(np.median(apart)) if np.isfinite(apart).all() else math.inf


def close(of: Looked) -> float:
    """Return what a repair must keep: a tenth of what was lost, and where that was everything, a fiftieth."""
    together = of.explanation.together
    assert together is not None
    return min(together / MORE_EXACT, 0.02)


def test_the_culprit_is_named_first(looked: Looked) -> None:
    worst, plant = looked.explanation.blocks[0], looked.plant
    assert worst.name.startswith(f"blocks.{POSITION}")
    guilty_one = worst.culprits[0]
    assert guilty_one.name.startswith(plant.node), worst.culprits
    assert guilty_one.mechanism is MECHANISMS[plant.cause], guilty_one
    others = [block.alone for block in looked.explanation.blocks[1:] if block.alone is not None]
    assert len(others) >= 3
    assert worst.alone is not None
    assert worst.alone > 3 * max(others)


REPAIRED_BY = {
    Cause.EPSILON: "rewritten: epsilon",
    Cause.ACCUMULATION: "rewritten: sum-matmul",
    Cause.POOLING: "rewritten: mean-pool",
    Cause.OUTLIER: "1 sensitive layers kept float",
}
"""Nothing but mixed precision keeps an overflow out of float16."""


def test_a_remedy_that_applies_repairs_it(looked: Looked, board: Served) -> None:
    layers = {layer.name for layer in layers_of(looked.source)}
    chosen = repairs(
        looked.asked,
        engine="3.6.1",
        layers=guilty(looked.explanation, layers),
        rewrites=rewrites_of(looked.source, looked.samples),
    )
    by_title = {repair.title: repair.precision for repair in chosen}
    wanted = REPAIRED_BY.get(looked.plant.cause)
    assert off(board, looked, looked.asked) > MORE_EXACT / 2 * close(looked)
    if wanted is not None:
        assert off(board, looked, by_title[wanted]) <= close(looked)


def test_mixed_precision_isolates_it(looked: Looked, board: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search asks this board, plan by plan; a plan passes where the top-1 classes stay and the error is small."""
    if looked.asked.name != "fp16":
        assert looked.plant.cause is Cause.OUTLIER, "it is in the weights: there is no fp16 to mix"
        return
    exact = answer(planted(looked.plant.cause, POSITION)[0], looked.samples.x).argmax(axis=1)

    def ask(_: Subject, question: Question) -> Any:
        (asked,) = question.precisions
        precision = replace(asked, segments=asked.plans[0].segments)
        error = off(board, looked, precision)
        same = (answers(board, looked, precision).argmax(axis=1) == exact).all()
        metrics = Metrics(
            images=2, nonfinite=0, cosine_min=1.0, cosine_median=1.0, relative_l2_median=error, max_abs=0.0,
            top1_agreement=1.0,
        )  # fmt: skip
        verdict = Verdict.PASS if same else Verdict.FAIL
        cell = CellResult(key=looked.plant.key, status=Status.MEASURED, verdict=verdict, metrics=metrics)
        return SimpleNamespace(results=SimpleNamespace(cells=(cell,)))

    monkeypatch.setattr(mixing, "look", ask)
    measured = mixing.sensitivities(looked.explanation, looked.blocks)
    assert measured is not None
    goal = mixing.Goal((BOARD,), close(looked))
    quest = mixing.Quest(cast(Any, None), looked.plant.key, looked.asked, "a" * 64, looked.blocks, goal)
    found = mixing.search(quest, measured, together=looked.explanation.together, probes=4, enough_time=lambda: True)
    assert found.best is not None, found.reason
    exactly = [one for one in found.best.plan.segments if one.compute is Compute.FP32]
    assert any(holds({"inputs": one.inputs, "outputs": one.outputs}, looked.plant) for one in exactly)
    shares = [one.share for one in exactly if one.share is not None]
    assert len(shares) == len(exactly)
    assert sum(shares) < MOST_EXACT_SHARE


def test_images_of_a_cause_differ() -> None:
    x = images(Cause.POOLING, 2)
    assert not np.array_equal(x[0], x[1])
