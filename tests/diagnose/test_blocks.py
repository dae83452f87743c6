"""Blocks: whole modules where the names tell of them, never too coarse where there is a place to cut."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from harness.diagnose.attribution import owner
from harness.diagnose.blocks import COARSE, LEAST, MOST, Block, blocks, holders, split
from harness.diagnose.cuts import cuts
from harness.diagnose.graph import Graph, Operator, build
from tests.diagnose.graphs import node, random_graphs, row

IMAGE = Operator("image", "Input", (), ("image",))


def called(found: Sequence[Block]) -> list[str]:
    return [block.name for block in found]


def shares(found: Sequence[Block]) -> list[float]:
    return [round(block.share, 3) for block in found]


def inverted(at: str, given: str, work: float) -> list[Operator]:
    """An MBConv without a skip: three convolutions, the last ending in `at`/point."""
    names = [f"{at}/main/{each}/Conv_output_0" for each in ("wide", "depth", "point")]
    return [
        node(name, before, work=part * work)
        for name, before, part in zip(names, [given, *names], (0.5, 0.2, 0.3), strict=False)
    ]


def residual(at: str, given: str, work: float) -> list[Operator]:
    inner = inverted(at, given, work)
    return [*inner, node(f"{at}/Add_output_0", inner[-1].outputs[0], given)]


def stages() -> Graph:
    """A stem, a stage of a plain and a residual block, one of a plain and a residual of two modules, and a head."""
    steps = [IMAGE, node("image___tr4/stem/Conv_output_0", "image")]
    steps += [node("/stem/Conv_output_0", "image___tr4/stem/Conv_output_0", work=5)]
    steps += inverted("/stages/stages.0/blocks/blocks.0", steps[-1].outputs[0], 7)
    steps += residual("/stages/stages.0/blocks/blocks.1", steps[-1].outputs[0], 8)
    steps += inverted("/stages/stages.1/blocks/blocks.0", steps[-1].outputs[0], 60)
    steps += residual("/stages/stages.1/blocks/blocks.1/context", steps[-1].outputs[0], 7)
    steps += residual("/stages/stages.1/blocks/blocks.1/local", steps[-1].outputs[0], 8)
    steps += [node("/head/Conv_output_0", steps[-1].outputs[0], work=4.9), node("Reshape7", "/head/Conv_output_0")]
    steps += [node("logits", "Reshape7", work=0.1)]
    return build(steps, input_name="image", output_name="logits")


def test_stages_fall_apart_into_blocks_and_heavy_blocks_into_their_modules() -> None:
    """By hand: halves of sizes up to a tenth, outermost names first. The 60 % block is cut where it can be."""
    assert list(zip(called(blocks(stages())), shares(blocks(stages())), strict=True)) == [
        ("stem", 0.05),
        ("stages.0.blocks.0", 0.07),
        ("stages.0.blocks.1", 0.08),
        ("stages.1.blocks.0.main.wide", 0.3),
        ("stages.1.blocks.0.main.depth", 0.12),
        ("stages.1.blocks.0.main.point", 0.18),
        ("stages.1.blocks.1.context", 0.07),
        ("stages.1.blocks.1.local", 0.08),
        ("head", 0.05),
    ]


def test_each_block_can_be_run_by_itself() -> None:
    found = blocks(stages())
    assert found[0].inputs == ("image",)
    assert found[0].operators == ("image", "image___tr4/stem/Conv_output_0", "/stem/Conv_output_0")
    assert found[1].inputs == found[0].outputs == ("/stem/Conv_output_0",)
    assert found[-1].outputs == ("logits",)
    assert found[-1].multiply_adds == 5.0


def test_names_without_modules_make_spans_of_equal_work() -> None:
    """Eight equal convolutions: halved and halved again until each is 12.5 %, which cannot be cut."""
    found = blocks(row(*((f"Conv_{index}", 1.0) for index in range(8))))
    assert called(found) == [f"Conv_{index}" for index in range(8)]
    found = blocks(row(*((f"Conv_{index}", 1.0) for index in range(32))))
    assert called(found) == [f"Conv_{index} … Conv_{index + 1}" for index in range(0, 32, 2)]
    assert shares(found) == [0.062] * 16


def test_numbers_for_names_get_the_type_before_them() -> None:
    found = blocks(row(*((str(index), 1.0) for index in range(20, 52))))
    assert called(found)[0] == "Convolution 20 … Convolution 21"


def test_what_weighs_next_to_nothing_is_no_block() -> None:
    """The pooling and the classifier behind it, 0.1 % together, stay with the last block and do not rename it."""
    work = [(f"/layers/layers.{index}/Conv_output_0", 10.0) for index in range(10)]
    found = blocks(row(*work, ("/pool/GlobalAveragePool_output_0", 0.0), ("/fc/MatMul_output_0", 0.1)))
    assert called(found) == [f"layers.{index}" for index in range(10)]
    assert found[-1].operators[-1] == "/fc/MatMul_output_0"


def test_neighbours_in_a_module_are_called_from_first_to_last() -> None:
    found = blocks(row(*((f"/net/net.{index}/Conv_output_0", 1.0) for index in range(32))))
    assert called(found)[:2] == ["net.0 … net.1", "net.2 … net.3"]


def test_there_are_at_most_so_many_blocks() -> None:
    """Each module holds a convolution of half a percent and one further module: they are taken off one at a time."""
    nested = [("/" + "inner/" * depth + "own/Conv_output_0", 0.5) for depth in range(40)]
    found = blocks(row(*nested, ("/" + "inner/" * 40 + "Conv_output_0", 80.0)))
    assert len(found) == MOST
    assert called(found)[:3] == ["own", "inner.own", "inner.inner.own"]


def test_a_model_that_one_tensor_hardly_cuts_is_cut_by_two() -> None:
    """A skip over all: one tensor crosses only behind the stem and at the end."""
    steps = [IMAGE, node("/stem/Conv_output_0", "image", work=1)]
    for index in range(5):
        steps.append(node(f"/net/net.{index}/Conv_output_0", steps[-1].outputs[0], work=1))
    steps.append(node("/Add_output_0", steps[-1].outputs[0], "/stem/Conv_output_0"))
    graph = build(steps, input_name="image", output_name="/Add_output_0")
    assert len(cuts(graph)) == 1
    found = blocks(graph)
    assert called(found) == ["stem", "net.0", "net.1", "net.2", "net.3", "net.4"]
    assert found[2].inputs == ("/net/net.0/Conv_output_0",)
    assert found[-1].inputs == ("/stem/Conv_output_0", "/net/net.3/Conv_output_0")


def test_a_model_without_a_place_to_cut_is_one_block() -> None:
    assert called(blocks(row(("only", 1.0)))) == ["only"]
    assert called(blocks(row(("a", 0.0), ("b", 0.0)))) == ["image … b"]


@given(random_graphs())
def test_blocks_hold_every_operator_once_and_hand_over_what_crosses(graph: Graph) -> None:
    found = blocks(graph)
    assert [block.start for block in found] == [0, *(block.stop for block in found[:-1])]
    assert found[-1].stop == len(graph.path)
    assert sum(block.multiply_adds for block in found) == pytest.approx(graph.multiply_adds)
    assert len(set(called(found))) == len(found) <= MOST
    crossing = {cut.position: set(cut.tensors) for cut in cuts(graph, most_tensors=99)}
    for block in found[1:]:
        assert set(block.inputs) <= crossing[block.start]
    for block in found[:-1]:
        assert set(block.outputs) <= crossing[block.stop]
    assert found[0].inputs == ("in",)
    assert found[-1].outputs == ("out",)


@given(random_graphs())
def test_no_block_is_negligible_and_none_coarse_where_one_tensor_would_cut_it(graph: Graph) -> None:
    found = blocks(graph)
    work = [operator.multiply_adds / (graph.multiply_adds or 1) for operator in graph.path]
    for block in found if len(found) > 1 else ():
        assert block.share >= LEAST
        if block.share > COARSE:
            places = [c.position for c in cuts(graph) if block.start < c.position < block.stop]
            assert all(min(sum(work[block.start : p]), sum(work[p : block.stop])) < LEAST for p in places)


def test_a_block_splits_at_the_outermost_level_at_which_its_names_differ() -> None:
    graph = stages()
    plain = next(block for block in blocks(graph) if block.name == "stages.0.blocks.0")
    assert called(split(graph, plain)) == [f"stages.0.blocks.0.main.{each}" for each in ("wide", "depth", "point")]


def test_a_residual_block_splits_where_two_tensors_cross() -> None:
    graph = stages()
    local = next(block for block in blocks(graph) if block.name == "stages.1.blocks.1.local")
    assert split(graph, local) == (local,)
    parts = split(graph, local, most_tensors=2)
    assert called(parts) == [f"stages.1.blocks.1.local.main.{each}" for each in ("wide", "depth", "point")]
    assert parts[-1].inputs == (local.inputs[0], "/stages/stages.1/blocks/blocks.1/local/main/depth/Conv_output_0")
    assert [part.start for part in parts] == [local.start, *(part.stop for part in parts[:-1])]


@given(random_graphs())
def test_the_parts_of_a_block_are_all_of_it(graph: Graph) -> None:
    for block in blocks(graph):
        for most in (1, 2):
            parts = split(graph, block, most_tensors=most)
            assert tuple(name for part in parts for name in part.operators) == block.operators
            assert parts[0].inputs == block.inputs
            assert set(block.outputs) <= {tensor for part in parts for tensor in part.outputs}


def test_what_a_session_reports_finds_its_block() -> None:
    held = holders(blocks(stages()))
    name = owner("/stages/stages.1/blocks/blocks.1/local/Add_output_0_raster_1", held)
    assert name is not None
    assert held[name].name == "stages.1.blocks.1.local"
