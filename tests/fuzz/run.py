"""Feeding a target: hypothesis chooses where to begin, a seeded generator changes it again and again."""

import random
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import Target

PER_EXAMPLE = 50
"""Cases made from one choice of hypothesis, whose own work would cost more than most readers."""


class FoundError(AssertionError):
    """A reader did something else than return or refuse."""


@dataclass
class Tally:
    """How many inputs a target was fed, and how many it took."""

    cases: int = 0
    taken: int = 0


def fuzz(target: Target, cases: int, start: int = 0) -> Tally:
    """Feed at least `cases` inputs to a target.

    Raises:
        FoundError: with the input, as Python writes it.
    """
    tally = Tally()

    def feed(data: bytes) -> None:
        tally.cases += 1
        try:
            tally.taken += target.feed(data)
        except Exception as error:
            raise FoundError(f"{target.name}: {type(error).__name__}: {error} for {data!r}") from error

    @seed(start)
    @settings(
        max_examples=-(-cases // PER_EXAMPLE),
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(target.bases) | st.binary(max_size=200), st.integers(0, 2**64))
    def play(base: bytes, number: int) -> None:
        chance = random.Random(number)
        data = base
        feed(data)
        for _ in range(PER_EXAMPLE - 1):
            # Mostly one step away from something good, now and then further and further.
            data = mutated(data if chance.random() < 0.3 else base, target.bases, chance)
            feed(data)

    while tally.cases < cases:  # hypothesis stops early where it has seen all of its choices
        before = tally.cases
        play()
        assert tally.cases > before
    return tally
