"""From a precision for each block to segments that can be run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnose.blocks import Block, blocks, split
from harness.diagnose.graph import Graph
from harness.diagnose.plans import Plan, only, segments, share, uniform
from harness.precision import Compute, Segment
from tests.diagnose.graphs import random_graphs

FP32, FP16 = Compute.FP32, Compute.FP16


def block(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...], work: float = 2.0) -> Block:
    return Block(name, 0, 1, (name,), inputs, outputs, work, work / 8)


ROW = (
    block("a", ("in",), ("x",), 1.0),
    block("b", ("x",), ("y",), 2.0),
    block("c", ("y",), ("z",), 4.0),
    block("d", ("z",), ("out",), 1.0),
)
SKIP = (
    block("a", ("in",), ("x",)),
    block("b", ("x",), ("h",)),
    block("c", ("x", "h"), ("y",)),
    block("d", ("x", "y"), ("out",)),
)


def test_neighbours_of_one_precision_are_one_segment() -> None:
    plan = only(4, [1, 2], FP32, rest=FP16)
    assert segments(ROW, plan) == (
        Segment(("in",), ("x",), FP16, 0.125),
        Segment(("x",), ("z",), FP32, 0.75),
        Segment(("z",), ("out",), FP16, 0.125),
    )
    assert plan.cuts == 2
    assert plan.holds(FP16) == (0, 3)
    assert share(ROW, plan, FP16) == 0.25
    assert share(ROW, plan, FP32) == 0.75


def test_one_precision_is_the_whole_model() -> None:
    assert segments(ROW, uniform(4, FP16)) == (Segment(("in",), ("out",), FP16, 1.0),)
    assert uniform(4, FP16).cuts == 0
    assert share(ROW, uniform(4, FP16), FP16) == 1.0


def test_kept_apart_every_block_is_a_segment() -> None:
    assert segments(ROW, uniform(4, FP32), merged=False) == tuple(
        Segment(b.inputs, b.outputs, FP32, b.share) for b in ROW
    )


def test_a_tensor_taken_far_behind_is_handed_out_once_and_taken_by_name() -> None:
    assert segments(SKIP, Plan((FP16, FP32, FP32, FP16))) == (
        Segment(("in",), ("x",), FP16, 0.25), Segment(("x",), ("y",), FP32, 0.5),
        Segment(("x", "y"), ("out",), FP16, 0.25),
    )  # fmt: skip
    assert segments(SKIP, Plan((FP16, FP16, FP32, FP32))) == (
        Segment(("in",), ("x", "h"), FP16, 0.5), Segment(("x", "h"), ("out",), FP32, 0.5),
    )  # fmt: skip


def test_a_plan_for_other_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="a plan for 3 blocks does not fit 4"):
        segments(ROW, uniform(3, FP16))


@given(random_graphs(), st.data())
def test_segments_lead_from_input_to_output_whatever_the_plan(graph: Graph, data: st.DataObject) -> None:
    """Run on sets of names: every input is there when it is taken, and all that is made is of use."""
    parts = tuple(part for each in blocks(graph) for part in split(graph, each, most_tensors=2))
    plan = Plan(tuple(data.draw(st.sampled_from(Compute)) for _ in parts))
    for merged in (True, False):
        found = segments(parts, plan, merged=merged)
        assert len(found) == (plan.cuts + 1 if merged else len(parts))
        known = {"in"}
        for index, segment in enumerate(found):
            assert set(segment.inputs) <= known
            assert segment.outputs
            later = {tensor for behind in found[index + 1 :] for tensor in behind.inputs} | {"out"}
            assert set(segment.outputs) <= later
            known |= set(segment.outputs)
        assert "out" in found[-1].outputs
    assert sum(share(parts, plan, each) for each in Compute) == pytest.approx(1.0 if graph.multiply_adds else 0.0)
