"""Plans: a precision for each block of a model, and the segments that run it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.diagnose.blocks import Block
from harness.precision import Compute, Segment


@dataclass(frozen=True, slots=True)
class Plan:
    """What each block is computed in, in the order in which they run."""

    computes: tuple[Compute, ...]

    @property
    def cuts(self) -> int:
        """How often a tensor is handed over: neighbours of one precision run as one segment."""
        return sum(1 for _ in groupby(self.computes)) - 1

    def holds(self, compute: Compute) -> tuple[int, ...]:
        """Return the indices of the blocks computed so."""
        return tuple(index for index, each in enumerate(self.computes) if each is compute)


def uniform(count: int, compute: Compute) -> Plan:
    """Return the plan in which all blocks are computed alike."""
    return Plan((compute,) * count)


def only(count: int, chosen: Sequence[int], compute: Compute, *, rest: Compute) -> Plan:
    """Return the plan in which the blocks of these indices are computed one way, and the others in another."""
    return Plan(tuple(compute if index in chosen else rest for index in range(count)))


def share(blocks: Sequence[Block], plan: Plan, compute: Compute) -> float:
    """Return the share (0..1) of the blocks' multiply-adds that a plan computes so."""
    inside = sum(blocks[index].multiply_adds for index in plan.holds(compute))
    return inside / (sum(block.multiply_adds for block in blocks) or 1.0)


def segments(blocks: Sequence[Block], plan: Plan, *, merged: bool = True) -> tuple[Segment, ...]:
    """Return what runs a plan: one segment for neighbouring blocks of one precision, or else one for each block.

    Args:
        blocks: all of a model, in the order in which they run.
        plan: a precision for each of them.
        merged: False keeps neighbours of one precision apart, to check the cuts between them.

    Raises:
        ValueError: the plan is not one for these blocks.
    """
    if len(plan.computes) != len(blocks):
        raise ValueError(f"a plan for {len(plan.computes)} blocks does not fit {len(blocks)}")
    keys = [compute.value if merged else str(index) for index, compute in enumerate(plan.computes)]
    runs = [[index for index, _ in run] for _, run in groupby(enumerate(keys), key=lambda pair: pair[1])]
    return tuple(_segment(blocks, run, plan.computes[run[0]]) for run in runs)


def _segment(blocks: Sequence[Block], run: Sequence[int], compute: Compute) -> Segment:
    own = [blocks[index] for index in run]
    made = list(dict.fromkeys(tensor for block in own for tensor in block.outputs))
    taken = dict.fromkeys(tensor for block in own for tensor in block.inputs)
    later = {tensor for block in blocks[run[-1] + 1 :] for tensor in block.inputs}
    is_last = run[-1] == len(blocks) - 1
    return Segment(
        inputs=tuple(tensor for tensor in taken if tensor not in made),
        outputs=tuple(tensor for tensor in made if tensor in later or (is_last and tensor in blocks[-1].outputs)),
        compute=compute,
        share=sum(block.share for block in own),
    )
