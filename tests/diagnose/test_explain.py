"""From what a device measured to an explanation: the guilty block first, and no more said than was measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.block_errors import BlockErrors
from harness.captured import Capture
from harness.diagnose.anatomy import Anatomy
from harness.diagnose.explain import Scene, explain, median
from harness.diagnosis import Explanation, Mechanism
from harness.precision import CATALOGUE
from tests.diagnose.findings import KEY, capture, errors, operator, row

NAMES = ("stem", "body", "head")
CALM = capture(*(operator(f"{name}/op") for name in NAMES))
GUILTY = capture(
    operator("stem/op", relative_l2=3e-4),
    operator("body/op", relative_l2=2e-2, made=2e-2, rounding=2e-4),
    operator("head/op", relative_l2=3e-2, made=3e-4),
)


def explained(
    captures: tuple[Capture, ...] = (GUILTY,), blocks: tuple[BlockErrors, ...] = (errors(1e-3, 3e-2, 2e-3),)
) -> Explanation:
    inside = {f"{name}/op": Anatomy(terms=1152) for name in NAMES}
    return explain(Scene(KEY, CATALOGUE["fp16"], (4, 0), 1, row(NAMES), inside, captures, blocks))


def test_the_block_that_does_most_to_the_output_comes_first() -> None:
    found = explained()
    assert [block.name for block in found.blocks] == ["body", "head", "stem"]
    worst = found.blocks[0]
    assert (worst.local, worst.alone, worst.spared) == (1.5e-2, 3e-2, 0.0)
    assert worst.culprits[0].mechanism is Mechanism.ACCUMULATION
    assert "1152 terms" in worst.culprits[0].words


def test_an_error_that_is_passed_through_is_nobodys_guilt() -> None:
    """The head's outputs are off by more than the body's, and next to nothing of it is made there."""
    head = next(block for block in explained().blocks if block.name == "head")
    assert head.culprits[0].made == 3e-4
    assert head.culprits[0].mechanism is Mechanism.ROUNDING


def test_where_the_error_jumps() -> None:
    jump = explained().jump
    assert jump is not None
    assert (jump.name, jump.block, jump.error) == ("body/op", "body", 2e-2)


def test_an_error_that_creeps_has_no_jump() -> None:
    assert explained(captures=(CALM,)).jump is None


def test_medians_over_the_images() -> None:
    found = explained(blocks=(errors(1e-3, 1e-2, 0), errors(1e-3, 5e-2, 0), errors(1e-3, 2e-2, 0)))
    assert found.blocks[0].alone == 2e-2


def test_looking_that_disturbs_leaves_the_blocks_alone_to_speak() -> None:
    found = explained(captures=(GUILTY.model_copy(update={"undisturbed": False}),))
    assert found.disturbed
    assert found.jump is None
    assert [block.culprits for block in found.blocks] == [()] * 3
    assert found.blocks[0].alone == 3e-2
    assert any("changed the output" in note for note in found.notes)


def test_looking_that_disturbs_and_no_blocks_leave_nothing_to_say() -> None:
    found = explained(captures=(GUILTY.model_copy(update={"undisturbed": False}),), blocks=())
    assert any("nothing is said of operators" in note for note in found.notes)
    assert not found.drawn
    assert {(block.alone, block.local, block.culprits) for block in found.blocks} == {(None, None, ())}


def test_an_image_of_which_nothing_is_known_does_not_speak_for_the_others() -> None:
    """The second image's operator was not shown to depend on its inputs alone: its figures say nothing of it."""
    unknown = capture(operator("body/op", made=None, rounding=None, amplification=None, largest=9e9))
    known = capture(operator("body/op", made=2e-2, rounding=2e-4))
    (body,) = [block for block in explained(captures=(known, unknown, known)).blocks if block.name == "body"]
    assert body.culprits[0].mechanism is Mechanism.ACCUMULATION


@pytest.mark.parametrize("error", [None, 0.88, math.inf])
def test_blocks_that_do_not_make_up_the_model_are_not_compared(error: float | None) -> None:
    found = explained(blocks=(errors(1e-3, 3e-2, 2e-3, chain_error=error),))
    assert [block.alone for block in found.blocks] == [None] * 3
    assert found.blocks[0].name == "body"  # by what is made in its operators
    assert any("does not compute" in note for note in found.notes)
    assert found.together == 0.03


def test_a_model_that_cannot_be_cut_is_explained_by_its_operators() -> None:
    found = explain(Scene(KEY, CATALOGUE["fp16"], (0,), 0, (), {}, (GUILTY,), ()))
    assert found.blocks == ()
    assert len(found.depth) == 3
    assert any("could not be cut" in note for note in found.notes)


def test_helpers_belong_to_the_operator_they_serve() -> None:
    helped = capture(operator("body/op_raster_0", type="Raster"), *GUILTY.operators)
    assert explained(captures=(helped,)).depth[0].block == "body"


def test_a_name_that_stands_twice_is_told_apart() -> None:
    twice = capture(operator("body/op", made=1e-2), operator("body/op", made=3e-2))
    found = explained(captures=(twice, twice))
    assert [point.made for point in found.depth] == [1e-2, 3e-2]


def test_numbers_that_are_not_finite_come_first() -> None:
    found = explained(blocks=(errors(1e-3, 3e-2, math.inf),))
    assert found.blocks[0].name == "head"
    assert "not finite" in found.words


def test_in_plain_words() -> None:
    words = explained().words
    assert words.startswith("Over 2 images, 1 of which flipped, the outputs are off by 0.03")
    assert "these blocks do most: body (0.03), head (0.002), stem (0.001)" in words
    assert "In body it is body/op (Convolution): long accumulation" in words
    assert "2 blocks with 67 % of the multiply-adds do less than a tenth" in words


@given(st.lists(st.one_of(st.none(), st.floats(0, 10)), max_size=7))
def test_a_median_of_what_is_known(values: list[float | None]) -> None:
    known = sorted(value for value in values if value is not None)
    found = median(values)
    if not known:
        assert found is None
    else:
        assert found is not None
        assert known[0] <= found <= known[-1]
        assert sum(value < found for value in known) <= len(known) / 2
        assert sum(value > found for value in known) <= len(known) / 2


@given(st.permutations(range(3)), st.lists(st.floats(1e-6, 1), min_size=3, max_size=3, unique=True))
def test_blocks_are_ranked_whatever_their_order(order: list[int], alone: list[float]) -> None:
    names = tuple(NAMES[index] for index in order)
    found = explain(Scene(KEY, CATALOGUE["fp16"], (0,), 0, row(names), {}, (CALM,), (errors(*alone),)))
    assert [block.alone for block in found.blocks] == sorted(alone, reverse=True)
    assert found.blocks[0].name == names[alone.index(max(alone))]
