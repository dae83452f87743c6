"""What counts as knowing the labels: figures by hand, and by dealing the labels out anew."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.judge.chance import by_chance, cannot_fail, knows_nothing
from harness.judge.shapes import Outputs
from harness.results import Thresholds


def says(answers: NDArray[np.int64] | list[int], classes: int) -> Outputs:
    """Outputs [n, classes] whose largest value is at these classes."""
    return np.eye(classes, dtype=np.float32)[answers]


def test_chance_by_hand() -> None:
    """Labels 1/2, 1/4, 1/4; answers 9/10, 1/10, 0: 0.45 + 0.025."""
    labels = np.array([0, 0, 1, 2] * 5)
    assert by_chance(reference=says([0] * 18 + [1] * 2, 3), labels=labels) == pytest.approx(0.475)


def test_chance_is_at_least_one_in_k() -> None:
    labels = np.array([0, 0, 1, 2] * 5)
    assert by_chance(reference=says([2] * 20, 3), labels=labels) == pytest.approx(1 / 3)
    assert by_chance(reference=says([2] * 20, 10), labels=labels) == pytest.approx(1 / 4)
    assert by_chance(reference=says([3] * 20, 5), labels=labels) == pytest.approx(1 / 5)


def test_chance_is_what_dealing_anew_gives() -> None:
    random = np.random.default_rng(1)
    answers, labels = random.choice(4, 300, p=[0.6, 0.3, 0.1, 0]), random.choice(4, 300, p=[0.5, 0.1, 0.2, 0.2])
    dealt = [np.mean(random.permutation(labels) == answers) for _ in range(4000)]
    chance = by_chance(reference=says(answers, 4), labels=labels)
    assert chance == pytest.approx(np.mean(dealt), abs=4 * np.std(dealt) / np.sqrt(4000))


@pytest.mark.parametrize(("right", "doubted"), [(0, True), (8, True), (9, False), (20, False)])
def test_nine_of_twenty_are_better_than_one_in_four(right: int, doubted: bool) -> None:
    """P(8 or more of 20 at 1/4) = 0.102, P(9 or more) = 0.041."""
    labels = np.array([0, 1, 2, 3] * 5)
    answers = labels.copy()
    answers[right:] = (labels[right:] + 1) % 4
    reference = says(answers, 4)
    assert by_chance(reference=reference, labels=labels) == pytest.approx(0.25, abs=0.0101)
    assert bool(knows_nothing(reference=reference, labels=labels, confidence=0.95)) is doubted


@given(st.integers(1, 30), st.integers(2, 5), st.floats(0.6, 0.99), st.data())
def test_it_is_an_exact_binomial_test(images: int, classes: int, confidence: float, data: st.DataObject) -> None:
    draw = st.lists(st.integers(0, classes - 1), min_size=images, max_size=images)
    labels, answers = np.array(data.draw(draw)), np.array(data.draw(draw))
    right = int((labels == answers).sum())
    chance = by_chance(reference=says(answers, classes), labels=labels)
    p = sum(comb(images, k) * chance**k * (1 - chance) ** (images - k) for k in range(right, images + 1))
    if abs(p - (1 - confidence)) > 1e-9:
        found = knows_nothing(reference=says(answers, classes), labels=labels, confidence=confidence)
        assert bool(found) is (p >= 1 - confidence)


def test_where_all_images_are_of_one_class_it_is_one_in_k() -> None:
    """Dealt out anew they are as they were: what the reference knows cannot be told from what it favours."""
    truth = np.zeros(50, np.int64)
    assert by_chance(reference=says([0] * 50, 3), labels=truth) == 1 / 3
    assert knows_nothing(reference=says([0] * 50, 3), labels=truth, confidence=0.95) == ""


def test_a_reference_that_always_says_the_same_knows_nothing() -> None:
    """Right on half of the images, which are half of that class."""
    found = knows_nothing(reference=says([0] * 100, 3), labels=np.array([0, 0, 1, 2] * 25), confidence=0.95)
    assert "right on 50 of 100 images, which guessing could be too (50 % by chance)" in found


def test_the_words_have_the_figures() -> None:
    labels = np.array([0, 1] * 20)
    found = knows_nothing(reference=says(1 - labels, 2), labels=labels, confidence=0.95)
    assert "right on 0 of 40 images" in found
    assert "(50 % by chance)" in found


def test_what_there_is_to_lose_by_hand() -> None:
    """Four classes, right on 30 of 40, each class as often in answers and labels: 75 % less 25 %."""
    labels = np.arange(40) % 4
    answers = labels.copy()
    answers[:10] = np.roll(labels[:12], 1)[:10]
    reference = says(answers, 4)
    assert np.mean(answers == labels) == 0.75
    loss = 100 * (0.75 - by_chance(reference=reference, labels=labels))
    assert loss == pytest.approx(50.0, abs=0.2)
    for points, words in ((loss - 1e-6, ""), (loss, f"{loss:g} points may be lost, and there are no more than 50.0")):
        found = cannot_fail(reference=reference, labels=labels, thresholds=Thresholds(accuracy_drop_points=points))
        assert found.startswith(words)
        assert bool(found) is bool(words)
    assert "(75.0 % right, 25.0 % by chance)" in found


def test_agreement_that_guesses_reach_by_hand() -> None:
    """Answers 1/2, 1/4, 1/4 dealt out anew agree on 1/4 + 1/16 + 1/16."""
    reference = says([0, 0, 1, 2] * 5, 3)
    for agreement, fails in ((0.376, True), (0.375, False), (0.1, False)):
        found = cannot_fail(reference=reference, labels=None, thresholds=Thresholds(agreement=agreement))
        assert (found == "") is fails
    assert (
        found == "10 % of agreement are asked, and guessing would agree on 37.5 %: no device could fail; ask for more"
    )


def test_a_reference_that_has_nothing_to_lose_can_lose_nothing() -> None:
    labels = np.array([0, 1] * 20)
    thresholds = Thresholds(accuracy_drop_points=0.001)
    assert "no more than -50.0 to lose" in cannot_fail(
        reference=says(1 - labels, 2), labels=labels, thresholds=thresholds
    )
