"""A model in segments is the model, to the bit; and it is noticed where it is not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.diagnose.blocks import Block, blocks, split
from harness.diagnose.plans import only, segments
from harness.diagnose.read import read
from harness.models import mnn_tool
from harness.precision import Compute, Memory, Precision
from tests.diagnose.chained import is_the_model, run_chain
from tests.diagnose.conftest import Converted
from tests.diagnose.models import ALL, SAMPLES, SIGNATURE, converted
from tests.models.raw_mnn import verdicts

B0 = (
    "stem", "stages.0.blocks.0", "stages.0.blocks.1", "stages.1.blocks.0", "stages.1.blocks.1", "stages.2.blocks.0",
    "stages.2.blocks.1.context_module", "stages.2.blocks.1.local_module",
    "stages.2.blocks.2.context_module", "stages.2.blocks.2.local_module", "stages.3.blocks.0",
    "stages.3.blocks.1.context_module", "stages.3.blocks.1.local_module",
    "stages.3.blocks.2.context_module", "stages.3.blocks.2.local_module", "head.in_conv", "head.classifier",
)  # fmt: skip
"""The model's own modules; at 64x64 its head is a fifth of the work, so that it falls apart."""


def test_b0_in_its_blocks_is_b0(b0: Converted) -> None:
    found = blocks(b0.graph)
    assert tuple(block.name for block in found) == B0
    assert all(len(block.inputs) == len(block.outputs) == 1 for block in found)
    assert is_the_model(b0.path, b0.source.signature, b0.samples, found)


def test_m0_in_its_blocks_is_m0(m0: Converted) -> None:
    found = blocks(m0.graph)
    names = [block.name for block in found]
    assert names[:2] == ["patch_embed.conv1 … patch_embed.conv2", "patch_embed.conv3 … patch_embed.conv4"]
    assert names[-3:] == ["stages.2.blocks.0", "stages.2.blocks.1", "stages.2.blocks.2"]
    assert is_the_model(m0.path, m0.source.signature, m0.samples, found)


def test_b0_in_the_parts_of_its_blocks_is_b0(b0: Converted) -> None:
    fine = [part for block in blocks(b0.graph) for part in split(b0.graph, block, most_tensors=2)]
    assert len(fine) > 40
    assert max(len(part.inputs) for part in fine) == 2
    assert is_the_model(b0.path, b0.source.signature, b0.samples, fine)


@pytest.mark.parametrize("net", ALL, ids=lambda net: net.__name__)
def test_other_networks_in_blocks_are_themselves(net: Any, tmp_path: Path) -> None:
    path = converted(tmp_path, "m", net)
    graph = read(path, SIGNATURE)
    found = blocks(graph)
    assert len(found) >= 4
    assert is_the_model(path, SIGNATURE, SAMPLES, found)


def test_an_input_that_is_left_out_is_noticed(b0: Converted) -> None:
    """The last part of a residual block adds what went into the block, which then nobody gives it."""
    found = blocks(b0.graph)
    at = B0.index("stages.2.blocks.1.local_module")
    parts = list(split(b0.graph, found[at], most_tensors=2))
    whole = [*found[:at], *parts, *found[at + 1 :]]
    assert is_the_model(b0.path, b0.source.signature, b0.samples, whole)
    whole[at + 2] = replace(parts[2], inputs=parts[2].inputs[1:])
    with pytest.raises(mnn_tool.ToolError, match=r"\[ input \] is input but not found"):
        is_the_model(b0.path, b0.source.signature, b0.samples, whole)


def test_one_last_bit_is_noticed(b0: Converted, monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.linspace(-1, 1, 30, dtype=np.float32).reshape(3, 10)
    wrong = right.copy()
    wrong[2, 7] = np.nextafter(wrong[2, 7], np.float32(2))
    answers = iter([right, right, right, wrong])
    monkeypatch.setattr(mnn_tool, "ask", lambda _, **given: np.save(given["y"], next(answers)))
    assert _holds(b0, blocks(b0.graph))
    assert not _holds(b0, blocks(b0.graph))


def test_a_segment_takes_in_all_that_lies_between_its_tensors(b0: Converted) -> None:
    """So a block that is missing in a chain changes nothing where the next one takes the missing one's input."""
    found = blocks(b0.graph)
    at = B0.index("stages.2.blocks.1.local_module")
    bridged = replace(found[at + 1], inputs=found[at].inputs)
    assert _holds(b0, [*found[:at], bridged, *found[at + 2 :]])


def test_a_tensor_that_there_is_not_is_an_error(b0: Converted) -> None:
    found = list(blocks(b0.graph))
    found[3] = replace(found[3], outputs=("/nowhere",))
    found[4] = replace(found[4], inputs=("/nowhere",))
    with pytest.raises(mnn_tool.ToolError):
        is_the_model(b0.path, b0.source.signature, b0.samples, found)


def test_in_another_layout_a_part_computes_something_else_without_a_word(b0: Converted, tmp_path: Path) -> None:
    """Why the layout of a tensor goes along with it."""
    tensor = "/stages/stages.3/blocks/blocks.2/local_module/Add_output_0"
    found = verdicts(
        """
import MNN
path, tensor = sys.argv[1:]
high = {"backend": 0, "numThread": 1, "precision": 1}
x = np.random.RandomState(0).randn(1, 3, 64, 64).astype(np.float32)
def feed(array, layout):
    given = MNN.expr.const(array, list(array.shape), MNN.expr.NCHW)
    return given if layout == MNN.expr.NCHW else MNN.expr.convert(given, layout)
def plain(y):
    return np.array(MNN.expr.convert(y, MNN.expr.NCHW).read(), copy=True)
whole = plain(module(path, high, ("input",)).forward([feed(x, MNN.expr.NCHW)])[0])
made = module(path, high, ("input",), (tensor,)).forward([feed(x, MNN.expr.NCHW)])[0]
rest = module(path, high, (tensor,))
own, other = (plain(rest.forward([feed(plain(made), each)])[0]) for each in (made.data_format, MNN.expr.NCHW))
found = {"layout": str(made.data_format).rpartition(".")[2], "own": bool((own == whole).all()),
         "other": float(np.linalg.norm(other - whole) / np.linalg.norm(whole))}
""",
        b0.path,
        tensor,
        cwd=tmp_path,
    )
    assert found["layout"] == b0.graph.tensors[tensor].format == "NC4HW4"
    assert found["own"] is True
    assert isinstance(found["other"], float)
    assert found["other"] > 0.1


def test_hints_threads_and_memory_are_those_of_the_precision(b0: Converted, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def ask(op: str, **arguments: Any) -> None:
        asked.update(arguments, op=op)
        np.save(arguments["y"], np.zeros((3, 10), np.float32))

    monkeypatch.setattr(mnn_tool, "ask", ask)
    chosen = blocks(b0.graph)
    plan = only(len(chosen), [0], Compute.FP32, rest=Compute.FP16)
    precision = Precision("mixed", memory=Memory.LOW, hints=(("winograd", 1),), segments=segments(chosen, plan))
    run_chain(b0.path, b0.source.signature, b0.samples, precision, threads=2)
    assert asked["op"] == "run"
    assert {"backend": 0, "numThread": 2, "memory": 2, "power": 0}.items() <= asked["runtime"].items()
    assert asked["hints"] == [(3, 1)]
    assert [each["precision"] for each in asked["segments"]] == [1, 2]
    assert [(each["inputs"], each["outputs"]) for each in asked["segments"]] == [
        (("input",), ("/stem/res0/Add_output_0",)), (("/stem/res0/Add_output_0",), ("logits",)),
    ]  # fmt: skip


def _holds(model: Converted, found: Sequence[Block]) -> bool:
    return is_the_model(model.path, model.source.signature, model.samples, found)
