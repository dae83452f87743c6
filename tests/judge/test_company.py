"""Cells next to each other: every part of a loss is held against the side that it is named after."""

from dataclasses import replace

import numpy as np

from harness.evidence import CellEvidence
from harness.judge.run import judge
from harness.judge.shapes import Outputs
from harness.judge.stored import StoredRun
from harness.precision import CATALOGUE, Memory, Weights
from harness.results import Cause, CellResult, LossPart, Peers, Thresholds, Verdict

from .builders import FP16_RUN, Arrays, answers, board, key, model, stored

REFERENCE = answers(200)
LABELS = REFERENCE.argmax(axis=1)
HOST = REFERENCE + np.float32(1e-6) * answers(200, seed=1)
FLOOR = REFERENCE + np.float32(1e-2) * answers(200, seed=2)
LIKE_FLOOR = REFERENCE + np.float32(2e-2) * answers(200, seed=3)
WRONG = np.roll(REFERENCE, 1, axis=1)


def run(outputs: dict[str, Outputs], unproven: str = "") -> dict[str, CellResult]:
    """Judge fp16 on devices that answered these outputs; on one of them it may not be proven what ran."""
    cells = {name: key("fp16").model_copy(update={"device": name}) for name in outputs}
    judged: StoredRun = replace(
        stored(None, None, model(REFERENCE, LABELS)),
        thresholds=Thresholds(accuracy_drop_points=5.0),
        precisions=(CATALOGUE["fp16"],),
        planned=tuple(cells.values()),
        devices=tuple(replace(board(), name=name) for name in outputs),
        models=(model(REFERENCE, LABELS, host={(Weights(), Memory.NORMAL): HOST}, floor=FLOOR),),
        evidence={
            cell: CellEvidence(
                key=cell, images=len(outputs[name]), outputs=name, probe=None if name == unproven else FP16_RUN
            )
            for name, cell in cells.items()
        },
        outputs=Arrays(dict(outputs)),
    )
    return {cell.key.device: cell for cell in judge(judged).cells}


def distance(base: Outputs, other: Outputs) -> float:
    """The median relative L2, the long way round."""
    each = [np.linalg.norm(b.astype(float) - a.astype(float)) / np.linalg.norm(a.astype(float)) for a, b in
            zip(base, other, strict=True)]  # fmt: skip
    return float(np.median(each))


def near(part: LossPart | None, base: Outputs, other: Outputs, *, points: float) -> bool:
    assert part is not None
    flips = int(np.count_nonzero(base.argmax(axis=1) != other.argmax(axis=1)))
    return bool(
        np.isclose(part.relative_l2_median, distance(base, other), rtol=1e-6)
        and (part.flips, part.drop_points, part.images) == (flips, points, len(base))
    )


def test_every_part_has_its_own_two_sides() -> None:
    """All 200 images of the second device are wrong, none of the first."""
    cells = run({"good": LIKE_FLOOR, "bad": WRONG})
    found = cells["bad"].split
    assert found is not None
    assert cells["bad"].verdict is Verdict.FAIL
    assert near(found.conversion, REFERENCE, HOST, points=0.0)
    assert near(found.floor, REFERENCE, FLOOR, points=100.0 * float(np.mean(FLOOR.argmax(axis=1) != LABELS)))
    assert near(found.arithmetic, HOST, WRONG, points=100.0)
    lost = 100.0 * float(np.mean(LIKE_FLOOR.argmax(axis=1) == LABELS))
    assert near(found.device, LIKE_FLOOR, WRONG, points=lost)
    assert (found.quantisation, found.dominant, cells["bad"].cause) == (None, Cause.ARITHMETIC, Cause.ARITHMETIC)


def test_the_odd_one_out_is_held_against_the_others_and_they_against_nobody() -> None:
    cells = run({"first": LIKE_FLOOR, "odd": WRONG, "third": LIKE_FLOOR})
    odd, first = cells["odd"].split, cells["first"].split
    assert odd is not None
    assert first is not None
    assert odd.device is not None
    assert odd.device.relative_l2_median > 0.1
    assert cells["odd"].cause is Cause.DEVICE
    assert first.device is None


def test_devices_that_agree_to_the_bit_have_no_device_part() -> None:
    cells = run({"first": LIKE_FLOOR, "second": LIKE_FLOOR.copy()})
    assert all(cell.split is not None and cell.split.device is None for cell in cells.values())


def test_a_loss_where_nothing_is_proven_has_its_parts_and_is_named_as_the_odd_one_out() -> None:
    """The others keep their own peers; its loss is held against the coordinator, and against none of them."""
    cells = run({"first": LIKE_FLOOR, "max": WRONG, "third": LIKE_FLOOR}, unproven="max")
    odd, first = cells["max"], cells["first"]
    assert odd.verdict is Verdict.FAIL
    assert odd.reason.endswith("what ran is not proven: what ran was not probed")
    assert odd.cause is Cause.ARITHMETIC
    assert odd.split is not None
    assert odd.split.device is None
    assert odd.peers == Peers(asked_unequal=("first", "third"), asked_odd="max")
    assert first.peers == Peers(equal=("third",), asked_unequal=("max",), asked_odd="max")
