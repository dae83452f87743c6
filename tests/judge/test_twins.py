"""Cells of one device whose outputs are equal to the bit: which lose their verdict, and which keep it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import Code
from harness.evidence import CellEvidence, CellKey, Probe
from harness.judge.findings import named, percent
from harness.judge.run import judge
from harness.judge.shapes import Outputs
from harness.precision import CATALOGUE, Memory, Weights
from harness.results import CellResult, Verdict

from .builders import (
    FP16_ON_A72,
    FP16_RUN,
    FP32_RUN,
    LOW_MEMORY_RUN,
    Arrays,
    answers,
    board,
    files,
    key,
    model,
    stored,
)

REFERENCE = answers(400)
OTHER = REFERENCE + np.float32(1e-3) * answers(400, seed=9)
THIRD = REFERENCE + np.float32(1e-3) * answers(400, seed=10)

Given = Mapping[CellKey, tuple[Outputs, Probe]]


def verdicts(given: Given, **record: object) -> dict[CellKey, CellResult]:
    """Judge cells that answered these outputs, each probed as told; `record` changes what is known of the models."""
    shas = {cell: f"{number:064x}" for number, cell in enumerate(given)}
    found = {
        cell: CellEvidence(key=cell, images=len(outputs), outputs=shas[cell], probe=probe)
        for cell, (outputs, probe) in given.items()
    }
    names = list(dict.fromkeys(cell.precision for cell in given))
    run = replace(
        stored(None, None, model(REFERENCE, REFERENCE.argmax(axis=1))),
        precisions=tuple(CATALOGUE[name] for name in names),
        planned=tuple(given),
        devices=tuple(replace(board(), name=name) for name in dict.fromkeys(cell.device for cell in given)),
        models=tuple(
            replace(
                model(REFERENCE, REFERENCE.argmax(axis=1), **{"host": files(REFERENCE), **record}),
                result=model(REFERENCE, REFERENCE.argmax(axis=1)).result.model_copy(update={"name": name}),
            )
            for name in dict.fromkeys(cell.model for cell in given)
        ),
        evidence=found,
        outputs=Arrays({shas[cell]: outputs for cell, (outputs, _) in given.items()}),
    )
    return {cell.key: cell for cell in judge(run).cells}


def test_fp32_keeps_its_verdict_and_its_twins_lose_theirs() -> None:
    cells = verdicts(
        {
            key("fp32"): (REFERENCE, FP32_RUN),
            key("fp16"): (REFERENCE, FP16_RUN),
            key("w8"): (REFERENCE, FP32_RUN),
            key("fp16-weights"): (OTHER, FP32_RUN),
        }
    )
    assert [cells[key(name)].verdict for name in ("fp32", "fp16-weights")] == [Verdict.PASS] * 2
    for name in ("fp16", "w8"):
        cell = cells[key(name)]
        assert cell.verdict is Verdict.ERROR
        assert cell.failure is not None
        assert cell.failure.code is Code.OUTPUT_MISMATCH
        assert "another cell's outputs or file" in cell.failure.advice
        assert "equal to the bit" in cell.reason
        assert cell.reason == cell.failure.message


def test_of_two_reduced_cells_both_lose() -> None:
    cells = verdicts(
        {
            key("fp32"): (REFERENCE, FP32_RUN),
            key("fp16"): (OTHER, FP16_RUN),
            key("w8"): (OTHER, FP32_RUN),
            key("fp16-weights"): (THIRD, FP32_RUN),
        }
    )
    assert [cells[key(name)].verdict for name in ("fp32", "fp16", "w8", "fp16-weights")] == [
        Verdict.PASS,
        Verdict.ERROR,
        Verdict.ERROR,
        Verdict.PASS,
    ]
    assert "those of w8 " in cells[key("fp16")].reason
    assert "those of fp16 " in cells[key("w8")].reason


@pytest.mark.parametrize("images", [1, 30, 399])
def test_the_images_that_both_have_are_compared(images: int) -> None:
    """One value in the last image that both have makes the difference."""
    short = REFERENCE[:images].copy()
    whole = {key("fp32"): (REFERENCE, FP32_RUN)}
    assert verdicts({**whole, key("fp16"): (short, FP16_RUN)})[key("fp16")].verdict is Verdict.ERROR
    short[-1, 0] = np.nextafter(short[-1, 0], np.float32(9))
    assert verdicts({**whole, key("fp16"): (short, FP16_RUN)})[key("fp16")].failure is None


def test_what_did_not_run_claims_nothing() -> None:
    """fp16 that ran as fp32 is N/A, and is no error for being equal to fp32."""
    cells = verdicts({key("fp32"): (REFERENCE, FP32_RUN), key("fp16"): (REFERENCE[:1], FP16_ON_A72)})
    assert [cell.verdict for cell in cells.values()] == [Verdict.PASS, Verdict.NA]


def test_other_devices_models_and_engines_may_be_equal() -> None:
    """Boards of one kind agree to the bit, and so may versions of the engine."""
    away = [
        key("fp16").model_copy(update=change)
        for change in ({"device": "board-2"}, {"model": "b1"}, {"engine": "3.0.0"})
    ]
    cells = verdicts({key("fp32"): (REFERENCE, FP32_RUN), **dict.fromkeys(away, (REFERENCE, FP16_RUN))})
    assert [cell.verdict for cell in cells.values()] == [Verdict.PASS] * 4


def test_zeros_of_either_sign_are_not_the_same_bits() -> None:
    one, other = REFERENCE.copy(), REFERENCE.copy()
    one[5, 3], other[5, 3] = 0.0, -0.0
    cells = verdicts({key("fp32"): (one, FP32_RUN), key("fp16"): (other, FP16_RUN)})
    assert cells[key("fp16")].verdict is Verdict.PASS


def test_weights_that_are_stored_without_loss_may_be_equal() -> None:
    """Every weight is a float16 number: on a device fp16-weights is fp32, and fp16-full is fp16, to the bit."""
    half, plain = (Weights(half=True), Memory.NORMAL), (Weights(), Memory.NORMAL)
    honest = {
        key("fp32"): (REFERENCE, FP32_RUN),
        key("fp16-weights"): (REFERENCE, FP32_RUN),
        key("fp16"): (OTHER, FP16_RUN),
        key("fp16-full"): (OTHER, FP16_RUN),
    }
    host = {**files(REFERENCE), half: files(REFERENCE)[plain]}
    cells = verdicts(honest, host=host, sizes={Weights(): 1000, Weights(half=True): 520})
    assert [cell.verdict for cell in cells.values()] == [Verdict.PASS] * 4
    note = cells[key("fp16-weights")].effective
    assert note is not None
    assert "storing the weights as float16 loses nothing" in note.note
    twins = {key("fp16-weights"): (OTHER, FP32_RUN), key("fp16-full"): (OTHER, FP16_RUN)}
    cells = verdicts(twins, host=host, sizes={Weights(): 1000, Weights(half=True): 520})
    assert [cell.verdict for cell in cells.values()] == [Verdict.PASS, Verdict.ERROR], "but fp32 is not fp16"


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.0049, "less than 1 %"),
        (0.005, "less than 1 %"),
        (0.006, "1 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.995, "nearly 100 %"),
        (0.9999, "nearly 100 %"),
        (1.0, "100 %"),
    ],
)
def test_percent(share: float, words: str) -> None:
    assert percent(share) == words


def test_operators_by_name() -> None:
    from harness.evidence import Operator

    five = [Operator(name=f"conv{n}", type="Convolution", share=0.2) for n in range(5)]
    assert named(five[:3]) == "conv0 (Convolution, 20 %), conv1 (Convolution, 20 %), conv2 (Convolution, 20 %)"
    assert named(five[:4]).endswith("conv2 (Convolution, 20 %) and 1 more")
    assert named(five).endswith(" and 2 more")


def test_outputs_without_a_finite_number_are_failures_and_no_lies() -> None:
    nothing = np.full_like(REFERENCE, np.nan)
    cells = verdicts({key("fp16"): (nothing, FP16_RUN), key("fp16-weights"): (nothing, FP32_RUN)})
    assert {cell.verdict for cell in cells.values()} == {Verdict.FAIL}


def test_files_that_answer_alike_on_the_coordinator_may_do_so_on_a_device() -> None:
    """Layers of at most 32 channels: a scale a channel and one for 32 channels are the same scale."""
    channel, block = CATALOGUE["w8-lowmem"].weights, CATALOGUE["w8-block32-lowmem"].weights
    plain = files(REFERENCE)[Weights(), Memory.NORMAL]
    given = {key(name): (OTHER, LOW_MEMORY_RUN) for name in ("w8-lowmem", "w8-block32-lowmem")}
    for other, verdict in ((OTHER, Verdict.PASS), (THIRD, Verdict.ERROR)):
        host = {
            (Weights(), Memory.NORMAL): plain,
            (channel, Memory.NORMAL): OTHER,
            (block, Memory.NORMAL): other,
        }
        cells = verdicts(given, host=host)
        assert {cell.verdict for cell in cells.values()} == {verdict}
