"""Planted causes on an emulated board: the explanation names the culprit first, with what in it does it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.diagnose.anatomy import anatomies
from harness.diagnose.blocks import blocks
from harness.diagnose.explain import Scene, explain
from harness.diagnose.read import read
from harness.diagnosis import Explanation
from harness.fleet.block_errors import block_errors
from harness.fleet.captures import captured
from harness.models.layers import layers_of
from harness.models.samples import SampleSet
from harness.models.source import resolve
from harness.models.variants import make_variant
from harness.precision import CATALOGUE, Weights
from tests.agent.driver import AgentDriver
from tests.agent.models import convolutions
from tests.agent.served import Served, npy
from tests.agent.test_on_boards import LEASE, served, started
from tests.boards import RunningFleet
from tests.diagnose.findings import KEY
from tests.diagnose.planted import MECHANISMS, Cause, culprit_node, images, write
from tests.diagnose.treated_plants import SUFFERS

pytestmark = pytest.mark.e2e

POSITION = 2


@pytest.fixture(scope="module")
def board(fleet: RunningFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    agent: AgentDriver = started(fleet.boards["cortex-a76"])
    facts = agent.hello(LEASE)["facts"]
    yield served(agent, facts, convolutions(tmp_path_factory.mktemp("model")))
    assert agent.request("bye").ok
    agent.kill()


def looked_into(board: Served, folder: Path, cause: Cause) -> tuple[Explanation, str]:
    path, _, culprit = write(folder, cause, POSITION, count=4)
    source = resolve(name=str(cause), file=path)
    x = images(cause, 2)
    samples = SampleSet(x, None, (), (), ("a", "b"))
    asked = CATALOGUE[SUFFERS[cause]]
    control = make_variant(source, Weights(), samples)
    variant = make_variant(source, asked.weights, samples, allow_nonfinite=True)
    graph = read(control.path, control.signature)
    found = blocks(graph)
    kernels = {layer.name: layer.kernel for layer in layers_of(source)}
    held, batch = board.agent.store(control.path.read_bytes()), board.agent.store(npy(x))
    opened = board.open(
        str(cause),
        model=board.agent.store(variant.path.read_bytes()),
        runtime=asked.runtime(1),
        inputs=[control.signature.input_name],
        outputs=[control.signature.output_name],
    )
    assert opened.ok, opened.header
    asking = {"batch": batch, "mean": [], "std": [], "index": 0, "control": held}
    capture = board.ask("capture", str(cause), **asking)
    cut = [{"inputs": list(block.inputs), "outputs": list(block.outputs)} for block in found]
    errors = board.ask("blocks", str(cause), segments=cut, **asking)
    board.close(str(cause))
    scene = Scene(
        key=KEY,
        asked=asked,
        images=(0,),
        flipped=0,
        blocks=found,
        inside=anatomies(graph, kernels),
        captures=(captured(capture.payload),),
        errors=(block_errors(errors.payload, count=len(found)),),
    )
    return explain(scene), culprit


@pytest.mark.parametrize("cause", Cause)
def test_the_culprit_is_named_first(board: Served, tmp_path: Path, cause: Cause) -> None:
    found, culprit = looked_into(board, tmp_path, cause)
    worst = found.blocks[0]
    assert worst.name.startswith(culprit)
    node = culprit_node(cause, POSITION)
    guilty = worst.culprits[0]
    assert guilty.name.startswith(node), worst.culprits
    assert guilty.mechanism is MECHANISMS[cause], guilty
    others = [block.alone for block in found.blocks[1:] if block.alone is not None]
    assert len(others) >= 3
    assert worst.alone is not None
    assert worst.alone > 3 * max(others)


def test_images_of_a_cause_differ() -> None:
    x = images(Cause.POOLING, 2)
    assert not np.array_equal(x[0], x[1])
