"""What each block does to the numbers: held against whole models, and against itself where two ways must agree."""

import json
from typing import Any

import numpy as np
import pytest

from harness.block_errors import BlockErrors
from harness.fleet.block_errors import block_errors
from tests.agent.models import Model, convolutions
from tests.agent.served import Served, first_output

WHOLE = [["image"], ["logits"]]
HALVES = [["image"], ["gated"], ["logits"]]
THIRDS = [["image"], ["r1", "c2"], ["gated"], ["logits"]]


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same network with 4-bit weights: a loss that this machine shows, whatever its arithmetic."""
    return convolutions(tmp_path_factory.mktemp("quantised"), "--weightQuantBits", "4")


def cut(edges: list[list[str]]) -> list[dict[str, Any]]:
    return [{"inputs": edges[number], "outputs": edges[number + 1]} for number in range(len(edges) - 1)]


def errors(served: Served, of: bytes, edges: list[list[str]]) -> BlockErrors:
    assert served.open("looked", model=served.agent.store(of)).ok
    reply = served.ask("blocks", "looked", index=0, control=served.model, segments=cut(edges))
    served.close("looked")
    assert reply.ok, reply.header
    return block_errors(reply.payload, count=len(edges) - 1)


def answer(served: Served, model: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
    assert served.open("whole", model=model).ok
    found = first_output(served.infer("whole", count=1))
    served.close("whole")
    return found.astype(np.float64)


@pytest.mark.parametrize("edges", [WHOLE, HALVES, THIRDS])
def test_all_blocks_together_lose_what_the_whole_model_loses(
    served: Served, quantised: Model, edges: list[list[str]]
) -> None:
    right, given = answer(served, served.model), answer(served, served.agent.store(quantised.mnn))
    expected = np.linalg.norm(given - right) / np.linalg.norm(right)
    assert expected > 0.01
    found = errors(served, quantised.mnn, edges)
    assert found.chain_error == 0.0
    assert found.together == pytest.approx(expected, rel=1e-4)


def test_one_block_is_the_whole_model(served: Served, quantised: Model) -> None:
    found = errors(served, quantised.mnn, WHOLE)
    (block,) = found.blocks
    assert block.local == block.alone == found.together
    assert block.spared == 0.0


def test_of_two_blocks_sparing_one_is_reducing_the_other(served: Served, quantised: Model) -> None:
    first, second = errors(served, quantised.mnn, HALVES).blocks
    assert first.alone is not None
    assert second.alone is not None
    assert 0 < first.alone != second.alone > 0
    assert (first.spared, second.spared) == (second.alone, first.alone)
    # What is wrong in the last block is wrong at the output.
    assert second.local == second.alone


def test_a_model_held_against_itself_loses_nothing_anywhere(served: Served, model: Model) -> None:
    found = errors(served, model.mnn, THIRDS)
    assert found.together == 0.0
    assert {error for block in found.blocks for error in (block.local, block.alone, block.spared)} == {0.0}


@pytest.mark.parametrize(
    "edges", [[["image"], ["nowhere"], ["logits"]], [["nowhere"], ["logits"]], [["gated"], ["image"]]]
)
def test_blocks_that_the_model_has_not_are_refused_and_the_next_cell_opens(
    served: Served, edges: list[list[str]]
) -> None:
    assert served.open("lost").ok
    reply = served.ask("blocks", "lost", index=0, control=served.model, segments=cut(edges))
    served.close("lost")
    assert not reply.ok
    assert served.open("next").ok
    served.close("next")


def test_a_control_that_is_not_in_the_store_is_refused(served: Served) -> None:
    assert served.open("lost").ok
    reply = served.ask("blocks", "lost", index=0, control="0" * 64, segments=cut(WHOLE))
    served.close("lost")
    assert not reply.ok


SOUND: dict[str, Any] = {
    "chain_error": 0.0,
    "together": 0.5,
    "blocks": [{"local": 0.1, "alone": None, "spared": 1.0}],
}


def test_errors_of_blocks_as_a_device_tells_them() -> None:
    text = json.dumps({**SOUND, "together": float("inf")})
    assert block_errors(text.encode(), count=1).together == float("inf")


@pytest.mark.parametrize(
    "lie",
    [
        {"blocks": []},
        {"blocks": SOUND["blocks"] * 2},
        {"blocks": [{"local": -1.0, "alone": 0.0, "spared": 0.0}]},
        {"blocks": [{"local": "0", "alone": 0.0, "spared": 0.0}]},
        {"blocks": [{"local": 0.0, "alone": 0.0}]},
        {"together": float("nan")},
        {"together": True},
        {"more": 1},
    ],
)
def test_what_no_device_can_have_measured_is_refused(lie: dict[str, Any]) -> None:
    from harness.errors import Code, DeviceError

    with pytest.raises(DeviceError) as caught:
        block_errors(json.dumps({**SOUND, **lie}).encode(), count=1)
    assert caught.value.problem.code is Code.PROTOCOL
    with pytest.raises(DeviceError):
        block_errors(b"[" * 100_000, count=1)
