"""What looks wrong with a model's samples, told by the reference's own accuracy alone.

No verdict sees such mistakes: fed wrongly, the reference and every device are wrong on the same images, and
nobody loses accuracy against the other. So the reference answers some images in other ways too (see
`other_readings`), and the labels are compared in other orders. Another way that is clearly better is told,
and withholds every pass of that model (`harness.judge.doubt`).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.judge.chance import knows_nothing
from harness.models.channel_order import Answers, Outputs, surer_when_swapped
from harness.models.exact_tests import sign_test, tails
from harness.models.golden import golden
from harness.models.other_labels import other_labels
from harness.models.other_readings import other_readings
from harness.models.samples import SampleSet
from harness.models.source import ModelSource

Flags = NDArray[np.bool_]

MOST = 64
"""Images that the reference answers once more for each other reading."""
CLEARLY = 0.10
"""By how much (share of the images) another way must be better."""
LEVEL = 1e-3
"""Largest p-value that counts. About ten comparisons a model: one false warning among a hundred models."""
CONFIDENCE = 0.95
"""With which the reference must be better than guessing; here the burden is the other way round."""
CARD_KEYS = ("top1_on_bundled_1000", "top1_fp32_full_test")
"""Under which names a card states an accuracy, the nearest to the samples first."""


def sample_warnings(source: ModelSource, samples: SampleSet, reference: Outputs, answers: Answers) -> tuple[str, ...]:
    """Return what is to be said about the samples, in plain words with figures; nothing without labels.

    Args:
        source: the model; its card may state an accuracy, and how images are normalised.
        samples: as the user gave them.
        reference: float32 [N, K], the reference's outputs for them.
        answers: runs the reference on other sample sets.

    Raises:
        FarmError: what `answers` raises.
    """
    if samples.labels is None:
        return ()
    guesses = np.asarray(reference.argmax(axis=1), np.int64)
    right = guesses == samples.labels
    cause = _best_labels(samples, guesses, right, reference.shape[1]) or _best_reading(
        source, samples, right, answers
    )
    if cause:
        return (cause,)  # whatever else looks wrong may come of it
    vain = knows_nothing(reference=reference, labels=samples.labels, confidence=CONFIDENCE)
    unsure = "" if vain else surer_when_swapped(samples, reference, answers)
    return tuple(filter(None, (vain, unsure, _against_card(source, right))))


def answers_of(source: ModelSource, *, cache: Path | None = None) -> Answers:
    """Return what runs a model's reference on other samples, from the cache where it did so before."""

    def answers(samples: SampleSet) -> Outputs | None:
        try:
            return golden(source, samples, cache=cache)
        except FarmError as error:
            if error.problem.code is not Code.REFERENCE_FAILED:
                raise
            return None  # no finite numbers for images read like this: then they were not meant like this

    return answers


def clearly_better(given: Flags, other: Flags) -> bool:
    """Tell whether `other` is right on enough more of the same images, by `CLEARLY` and `LEVEL`."""
    better, worse = int(np.count_nonzero(other & ~given)), int(np.count_nonzero(given & ~other))
    return better - worse >= CLEARLY * len(given) and sign_test(better, worse) < LEVEL


def _best_labels(samples: SampleSet, guesses: NDArray[np.int64], right: Flags, classes: int) -> str:
    assert samples.labels is not None  # noqa: S101 - for the type checker
    ways = other_labels(samples.labels, samples.names, classes)
    scored = [(guesses == labels, text) for text, labels in ways.items()]
    return _best(right, scored)


def _best_reading(source: ModelSource, samples: SampleSet, right: Flags, answers: Answers) -> str:
    count = min(MOST, len(right))
    given = right[:count]
    if np.count_nonzero(~given) < CLEARLY * count:
        return ""  # nothing could be so much better
    scored = []
    for text, other in other_readings(source, samples, count).items():
        outputs = answers(other)
        if outputs is not None:
            scored.append((outputs.argmax(axis=1) == other.labels, text))
    return _best(given, scored)


def _best(given: Flags, scored: list[tuple[Flags, str]]) -> str:
    good = [(int(np.count_nonzero(flags)), text) for flags, text in scored if clearly_better(given, flags)]
    if not good:
        return ""
    count, text = max(good, key=lambda pair: pair[0])
    condition, advice = text.split(": ", maxsplit=1)
    return f"the reference is right on {_share(given)}; {condition} it is right on {_of(count, len(given))}: {advice}"


def _against_card(source: ModelSource, right: Flags) -> str:
    stated = next((value for key in CARD_KEYS if isinstance(value := source.card.get(key), float)), None)
    if stated is None or not 0.0 < stated < 1.0:
        return ""
    few, many = tails(int(np.count_nonzero(right)), len(right), stated)
    if 2.0 * min(few, many) >= LEVEL:
        return ""
    what = "check images, labels, mean and std" if few < many else "were the labels made from its own answers?"
    return f"the model's card states an accuracy of {stated:.3f}, the reference is right on {_share(right)}: {what}"


def _share(flags: Flags) -> str:
    return _of(int(np.count_nonzero(flags)), len(flags))


def _of(count: int, total: int) -> str:
    return f"{count} of {total} images ({count / total:.2f})"
