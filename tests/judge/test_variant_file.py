"""What a variant's file holds, by what it answers on the coordinator and by its size."""

from collections.abc import Mapping

import numpy as np
import pytest

from harness.errors import Code, FarmError
from harness.judge.run import judge
from harness.judge.shapes import Outputs
from harness.judge.variant_file import Held, beside_its_file, held
from harness.precision import CATALOGUE, Memory, Precision, Weights
from harness.results import CellResult, Effective, Extent, Verdict

from .builders import FP16_ON_A72, FP16_RUN, FP32_RUN, LOW_MEMORY_RUN, answers, board, evidence, files, model, stored

REFERENCE = answers()
TRUTH = REFERENCE.argmax(axis=1)
PLAIN, HALF, EIGHT = Weights(), Weights(half=True), Weights(bits=8)
FILES = files(REFERENCE)

Sizes = Mapping[Weights, int]


def compared(own: Outputs | None, plain: Outputs | None = REFERENCE, sizes: Sizes | None = None) -> Held:
    given = {PLAIN: plain, HALF: own}
    host = {(weights, Memory.NORMAL): outputs for weights, outputs in given.items() if outputs is not None}
    return held(model(REFERENCE, host=host, sizes=sizes or {}), HALF)


def judged(
    precision: str, *, sizes: Sizes | None = None, probe: object = FP32_RUN, own: Outputs | None = None
) -> CellResult:
    """Judge a cell whose outputs are perfect; `own` is what its file answers here, where empty nothing."""
    mine = (CATALOGUE[precision].weights, Memory.NORMAL)
    host = FILES if own is None else {**FILES, mine: own}
    kept = {key: outputs for key, outputs in host.items() if outputs.size}
    found = evidence(REFERENCE, precision).model_copy(update={"probe": probe})
    return judge(stored(found, REFERENCE, model(REFERENCE, TRUTH, host=kept, sizes=sizes or {}), board())).cells[0]


def test_other_answers_show_other_weights() -> None:
    """One value of one image is enough, be it a bit."""
    other = REFERENCE.copy()
    other[-1, 3] = np.nextafter(other[-1, 3], np.float32(9))
    assert compared(other) is Held.OTHER
    assert compared(other, sizes={PLAIN: 1000, HALF: 1000}) is Held.OTHER


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, Held.UNCHANGED),
        ({PLAIN: 1000}, Held.UNCHANGED),
        ({HALF: 500}, Held.UNCHANGED),
        ({PLAIN: 1000, HALF: 1000}, Held.UNCHANGED),
        ({PLAIN: 1000, HALF: 1016}, Held.UNCHANGED),
        ({PLAIN: 1000, HALF: 901}, Held.UNCHANGED),
        ({PLAIN: 1000, HALF: 900}, Held.EXACT),
        ({PLAIN: 1000, HALF: 510}, Held.EXACT),
    ],
)
def test_equal_answers_are_told_apart_by_the_size_of_the_file(sizes: Sizes, expected: Held) -> None:
    assert compared(REFERENCE.copy(), sizes=sizes) is expected


@pytest.mark.parametrize("bits", [None, 8])
def test_a_rewrite_alone_may_answer_as_the_model_does(bits: int | None) -> None:
    """Scaling by a power of two changes no bit of the output; storing weights in 8 bits does."""
    weights = Weights(bits=bits, rewrites=("scale-attention",))
    by = model(REFERENCE, host={(PLAIN, Memory.NORMAL): REFERENCE, (weights, Memory.NORMAL): REFERENCE})
    ran = Effective(weights=weights.stored_as, compute="fp32", in_effect=True, proven=True)
    asked = Precision("rewritten", weights=weights)
    if bits is None:
        assert beside_its_file(ran, by, asked) == ran
    else:
        with pytest.raises(FarmError, match="to the bit"):
            beside_its_file(ran, by, asked)


def test_what_was_not_run_is_not_known() -> None:
    assert compared(None) is Held.UNKNOWN
    assert compared(REFERENCE, None) is Held.UNKNOWN
    assert compared(REFERENCE[:, :9]) is Held.UNKNOWN
    assert compared(REFERENCE[:0], REFERENCE[:0]) is Held.UNKNOWN


def test_numbers_that_are_not_finite_are_equal_to_nothing() -> None:
    """An fp32 file that answers NaN to all images has nothing to be told from; else the other images decide."""
    broken = np.full_like(REFERENCE, np.nan)
    assert compared(broken.copy(), broken) is Held.UNKNOWN
    broken[3] = REFERENCE[3]
    assert compared(broken.copy(), broken) is Held.UNCHANGED
    assert compared(REFERENCE, broken) is Held.UNCHANGED
    other = broken.copy()
    other[3, 0] += 1
    assert compared(other, broken) is Held.OTHER


@pytest.mark.parametrize("precision", ["fp16-weights", "w8"])
def test_a_file_that_answers_otherwise_is_a_proof(precision: str) -> None:
    cell = judged(precision)
    assert cell.verdict is Verdict.PASS
    assert cell.effective is not None
    assert cell.effective.proof[0] == "file"


def test_plain_fp32_claims_nothing_of_its_file() -> None:
    cell = judged("fp32")
    assert cell.effective is not None
    assert (cell.verdict, "file" in cell.effective.proof) == (Verdict.PASS, False)


@pytest.mark.parametrize(
    ("precision", "probe"),
    [
        ("fp16-weights", FP32_RUN),
        ("w8", FP32_RUN),
        ("w8-lowmem", LOW_MEMORY_RUN),
        ("int8", FP32_RUN),
        ("fp16-full", FP16_RUN),
        ("fp16-full", FP16_ON_A72),
    ],
)
def test_a_file_with_the_weights_of_fp32_is_an_error_whatever_the_device_says(precision: str, probe: object) -> None:
    cell = judged(precision, probe=probe, sizes={PLAIN: 1000}, own=FILES[PLAIN, Memory.NORMAL])
    assert cell.verdict is Verdict.ERROR
    assert cell.failure is not None
    assert cell.failure.code is Code.CONVERSION_FAILED
    assert "to the bit" in cell.reason
    assert "cache" in cell.failure.advice


def test_weights_that_are_held_without_loss_pass_and_say_so() -> None:
    """EfficientViT-B0's file takes 0.51 of the room with `--fp16`."""
    cell = judged("fp16-weights", sizes={PLAIN: 1000, HALF: 510}, own=FILES[PLAIN, Memory.NORMAL])
    assert cell.verdict is Verdict.PASS
    assert cell.effective is not None
    assert cell.effective.proof[0] == "file"
    assert cell.effective.note.startswith("storing the weights as float16 loses nothing")


def test_a_file_that_nobody_looked_into_proves_nothing() -> None:
    nothing = REFERENCE[:0]
    for precision, probe in (("w8", FP32_RUN), ("fp16-weights", FP32_RUN), ("fp16-full", FP16_RUN)):
        cell = judged(precision, probe=probe, own=nothing)
        assert cell.verdict is Verdict.INCONCLUSIVE
        assert "nothing shows that the file holds" in cell.reason
        assert cell.effective is not None
        assert (cell.effective.proven, cell.effective.extent) == (False, Extent.UNPROVEN)
    assert judged("w8-lowmem", probe=LOW_MEMORY_RUN, own=nothing).verdict is Verdict.PASS, "int8 shows it by itself"
    gone = judged("fp16-full", probe=FP16_ON_A72, own=nothing)
    assert (gone.verdict, gone.effective and gone.effective.extent) == (Verdict.NA, Extent.NONE)
