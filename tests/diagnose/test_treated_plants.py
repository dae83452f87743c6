"""Which of a plan's segments holds the planted node is read from the tensors at their ends."""

import pytest

from tests.diagnose.planted import Cause
from tests.diagnose.treated_plants import Plant, holds

STEM, MASK, ADD = "/stem/act/Relu_output_0", "/blocks/blocks.0/mask/Mul_output_0", "/blocks/blocks.{}/Add_output_0"
FIRST, LAST = Plant(Cause.EPSILON, 0), Plant(Cause.OVERFLOW, 3)


@pytest.mark.parametrize(
    ("plant", "first", "last", "held"),
    [
        (FIRST, "input", "logits", True),
        (FIRST, "input", MASK, False),
        (FIRST, MASK, ADD.format(0), True),
        (FIRST, ADD.format(0), "logits", False),
        (LAST, "input", ADD.format(2), False),
        (LAST, ADD.format(2), "logits", True),
        (LAST, STEM, ADD.format(3), True),
        (LAST, "/blocks/blocks.3/scale_1/Mul_output_0", "logits", False),
        (LAST, "/blocks/blocks.3/act/Relu_output_0", "/blocks/blocks.3/scale_1/Mul_output_0", True),
    ],
)
def test_a_segment_holds_what_lies_between_its_ends(plant: Plant, first: str, last: str, held: bool) -> None:
    assert holds({"inputs": [first], "outputs": [last]}, plant) is held
