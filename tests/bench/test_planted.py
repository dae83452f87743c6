"""Which of a plan's segments hold a block is read from the tensors at their ends."""

import pytest

from tests.bench.planted import holds
from tests.diagnose.planted import BLOCKS

ADD, MUL = "/blocks/blocks.{}/Add_output_0", "/blocks/blocks.{}/Mul_output_0"


@pytest.mark.parametrize(
    ("first", "last", "held"),
    [
        ("input", "logits", {0, 1, 2, 3}),
        ("input", "/stem/act/Relu_output_0", set()),
        ("/stem/act/Relu_output_0", ADD.format(0), {0}),
        (ADD.format(0), MUL.format(2), {1, 2}),
        (MUL.format(2), "logits", {3}),
        (ADD.format(3), "logits", set()),
        ("input", "/blocks/blocks.1/act/Relu_output_0", {0}),
        ("/blocks/blocks.1/act/Relu_output_0", "logits", {2, 3}),
    ],
)
def test_a_segment_holds_what_lies_between_its_ends(first: str, last: str, held: set[int]) -> None:
    segment = {"inputs": [first], "outputs": [last]}
    assert {position for position in range(BLOCKS) if holds(segment, position)} == held
