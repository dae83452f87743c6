"""Small defects that mutation testing put in and no test noticed: each has one here."""

from dataclasses import replace

import numpy as np
import pytest

from harness.errors import Code
from harness.evidence import CellEvidence, Health, Operator, RawTiming
from harness.judge.condition import condition, moved
from harness.judge.diff import cell_change, diff
from harness.judge.effective import effective
from harness.judge.flips import flips
from harness.judge.moved import timing_change
from harness.judge.numeric import numeric
from harness.judge.run import judge
from harness.judge.sequential import PairedTest, settle_accuracy
from harness.judge.split import PLAIN, Yardsticks, split
from harness.judge.upgrade import Answer, upgrades
from harness.precision import CATALOGUE, Memory, Weights
from harness.results import Cause, CellResult, Extent, LossPart, Metrics, Status, Steady, Thresholds, Timing, Verdict

from .builders import FP16_RUN, LOW_MEMORY_RUN, SHA, Arrays, answers, board, evidence, key, model, stored
from .test_diff import cell, device, run
from .test_rulings import REFERENCE, TRUTH, ruled

HOT, WARM, COOL = (Health(temperatures={"cpu": heat}) for heat in (70.0, 60.0, 50.0))


def figures(**more: object) -> Metrics:
    plain = {"images": 1, "nonfinite": 0, "cosine_min": None, "max_abs": None, "top1_agreement": None}
    return Metrics.model_validate({"cosine_median": 0.9, "relative_l2_median": 0.1, **plain, **more})


def test_devices_with_other_threads_are_no_peers() -> None:
    outputs, other = REFERENCE[:40], np.nextafter(REFERENCE[:40], np.float32(9))
    for threads, peers in ((4, True), (2, False)):
        names = ("a", "b")
        keys = [key().model_copy(update={"device": name}) for name in names]
        whole = replace(
            stored(None, None, model(REFERENCE, TRUTH)),
            planned=tuple(keys),
            devices=tuple(
                replace(board(), name=name, threads=count) for name, count in zip(names, (4, threads), strict=True)
            ),
            evidence={
                one: evidence(outputs).model_copy(update={"key": one, "outputs": sha})
                for one, sha in zip(keys, ("1", "2"), strict=True)
            },
            outputs=Arrays({"1": outputs, "2": other}),
        )
        assert [one.peers is not None for one in judge(whole).cells] == [peers, peers]


@pytest.mark.parametrize(
    ("health", "found"),
    [
        (Health(battery_percent=50.0), (None, None, (50.0, 50.0), ())),
        (Health(throttled=("slow",)), (None, None, None, ("slow",))),
        (COOL, ((50.0, 50.0), None, None, ())),
    ],
)
def test_a_device_that_tells_one_thing_only(health: Health, found: tuple[object, ...]) -> None:
    said = condition(CellEvidence(key=key(), health=(health,)))
    assert said is not None
    assert (said.hottest_c, said.clock_mhz, said.battery_percent, said.throttled) == found


def test_first_and_last_of_several_states() -> None:
    """Before, four times while it is timed, after: charge and clock at first and at last, the hottest of all."""
    clocks = [Health(clocks_mhz={"policy0": mhz}) for mhz in (1000.0, 1100.0, 1200.0, 1300.0)]
    timing = RawTiming(first_ms=1.0, samples_ms=(1.0,), output_unchanged=True, health=tuple(clocks))
    only_timed = condition(CellEvidence(key=key(), timing=timing))
    assert only_timed is not None
    assert (only_timed.hottest_c, only_timed.clock_mhz) == (None, (1000.0, 1300.0))
    before, after = (Health(battery_percent=charge) for charge in (90.0, 70.0))
    between = Health(battery_percent=80.0)
    timing = timing.model_copy(update={"health": (between,)})
    found = condition(CellEvidence(key=key(), timing=timing, health=(before, after)))
    assert found is not None
    assert found.battery_percent == (90.0, 70.0)
    assert moved((COOL, WARM, HOT), Steady(max_temp_rise_c=15.0)) == "heated up"
    assert moved((COOL, HOT, COOL), Steady(max_temp_rise_c=15.0)) == ""


def test_what_runs_were_asked_differently() -> None:
    old, new = run(confidence=0.9, versions={"mnn": "1"}), run(versions={"numpy": "2"})
    assert diff(old, new).settings == (("confidence", "0.9", "0.95"), ("mnn", "1", "-"), ("numpy", "-", "2"))


@pytest.mark.parametrize("facts", [{"machine": "x86_64", "isa": ["fp16", "dot"]}, {"machine": "aarch64", "isa": []}])
def test_other_hardware_under_the_same_name_is_not_timed(facts: dict[str, object]) -> None:
    timing = Timing(emulated=False, first_ms=1, median_ms=1, p90_ms=1, mad_ms=0, stable=True)
    one = cell(timing=timing)
    assert diff(run(one), run(one)).timed == 1
    assert diff(run(one), run(one, devices=(device(fingerprint=facts),))).timed == 0


def test_a_difference_holds_what_it_compares() -> None:
    old, new = run(cell(Verdict.PASS)), run(cell(Verdict.FAIL))
    found = diff(old, new)
    assert (found.before, found.after) == (old, new)
    change = cell_change(old.cells[0], new.cells[0])
    assert change is not None
    assert (change.before, change.after) == (old.cells[0], new.cells[0])


def test_a_timing_is_paired_only_where_there_are_two() -> None:
    timing = Timing(emulated=False, first_ms=1, median_ms=1, p90_ms=1, mad_ms=0, stable=True)
    timed, untimed = cell(timing=timing), cell()
    assert timing_change(timed, untimed) is None
    assert timing_change(untimed, timed) is None
    both = timing_change(timed, timed)
    assert both is not None
    assert both.key == timed.key


def test_an_upgrade_names_its_row() -> None:
    cells = [cell(Verdict.FAIL, key(engine)) for engine in ("a", "b")]
    cells = [one.model_copy(update={"key": one.key.model_copy(update={"precision": "fp16", "engine": engine})})
             for one, engine in zip(cells, ("3.0.0", "3.6.1"), strict=True)]  # fmt: skip
    (found,) = upgrades(cells)
    assert (found.row, found.answer) == (("board", "b0", "fp16"), Answer.NO)


def test_what_is_partly_fp16_where_fp32_was_asked_for_says_so() -> None:
    partly = FP16_RUN.model_copy(
        update={
            "half_tensors": 200,
            "half_flops_share": 0.6,
            "full_operators": (Operator(name="conv", type="Convolution", share=0.4),),
        }
    )
    found = effective(CATALOGUE["fp32"], partly, ("fp16",), "aarch64")
    assert (found.in_effect, found.extent) == (None, Extent.UNPROVEN)
    assert found.note == "a part ran as fp16 where fp32 was asked for"
    assert set(found.proof) >= {"backend", "values"}


def test_int8_that_did_not_run_says_how_much_did() -> None:
    heeds = LOW_MEMORY_RUN.model_copy(update={"int8_share": 0.0})
    found = effective(CATALOGUE["w8-lowmem"], heeds, ("dot",), "aarch64")
    assert (found.in_effect, found.share) == (False, 0.0)
    assert found.note == "low memory was not in effect: no convolution rounds its input to int8"
    equal = heeds.model_copy(update={"equals_high": True})
    found = effective(CATALOGUE["w8-lowmem"], equal, ("dot",), "aarch64")
    assert (found.in_effect, found.share) == (False, 0.0)


@pytest.mark.parametrize(("own", "shown"), [(0.9, True), (0.91, False), (None, False)])
def test_memory_speaks_for_weights_that_stayed_int8(own: float | None, shown: bool) -> None:
    probe = LOW_MEMORY_RUN.model_copy(update={"session_memory_mb": own, "session_memory_mb_high": 1.0})
    found = effective(CATALOGUE["w8-lowmem"], probe, ("dot",), "aarch64")
    assert found.in_effect
    assert ("memory" in found.proof) is shown


def test_margins_among_many_classes() -> None:
    """Against sorting, with ten classes in any order."""
    reference = answers(50, classes=10, seed=4)
    outputs = np.roll(reference, 1, axis=1)
    wanted = np.sort(reference.astype(np.float64), axis=1)
    found = flips(reference=reference, outputs=outputs)
    assert [one.margin for one in found] == (wanted[:, -1] - wanted[:, -2]).tolist()


def test_numeric_thresholds_that_are_not_set_are_none() -> None:
    found = numeric(metrics=figures(), thresholds=Thresholds(relative_l2=0.2))
    assert found is not None
    assert (found.relative_l2, found.cosine) == (True, None)


def test_a_cell_carries_numeric_flips_condition_and_steadiness() -> None:
    """The device's own limits grade its times; flips know their labels; numbers are held against the run's limits."""
    outputs = REFERENCE.copy()
    outputs[0] = np.roll(outputs[0], 1)
    timing = RawTiming(
        first_ms=20.0,
        samples_ms=(10.0,) * 9,
        output_unchanged=True,
        health=(COOL, Health(temperatures={"cpu": 53.0})),
    )
    found = evidence(outputs).model_copy(update={"timing": timing})
    for rise, grade in ((15.0, "stable"), (2.0, "heated up")):
        device_ = board(steady=Steady(max_temp_rise_c=rise))
        whole = replace(
            stored(found, outputs, model(REFERENCE, TRUTH), device_), thresholds=Thresholds(relative_l2=0.5)
        )
        (judged,) = judge(whole).cells
        assert judged.timing is not None
        assert judged.timing.grade == grade
        assert judged.numeric is not None
        assert judged.numeric.relative_l2 is True
        assert [one.label for one in judged.flips] == [TRUTH[0]]
        assert judged.condition is not None
        assert judged.condition.hottest_c == (50.0, 53.0)


def test_labels_that_do_not_fit_are_told_with_figures() -> None:
    for labels, code, words in (
        (TRUTH + 7, Code.BAD_SAMPLES, "labels reach from 7 to 16, the model's classes from 0 to 9"),
        (TRUTH[:99], Code.OUTPUT_MISMATCH, "labels are int64(99,) for 400 images"),
    ):
        (judged,) = judge(stored(evidence(REFERENCE), REFERENCE, model(REFERENCE, labels))).cells
        assert judged.failure is not None
        assert (judged.failure.code, judged.reason) == (code, words)


@pytest.mark.parametrize(("outputs", "reference", "words"), [
    (REFERENCE[:0], REFERENCE, "no outputs were kept"),
    (REFERENCE[:, :1], REFERENCE[:, :1], "an output with one class has no top-1 that could be wrong"),
    (REFERENCE, REFERENCE[:0], "the reference array is empty"),
    (REFERENCE, None, "the reference array is missing"),
    (REFERENCE.astype(np.float64), REFERENCE, "the outputs array is float64(400, 10), not float32 [n, K]"),
])  # fmt: skip
def test_arrays_that_do_not_fit_are_named(outputs: np.ndarray, reference: np.ndarray | None, words: str) -> None:
    (judged,) = judge(stored(evidence(outputs), outputs, model(reference))).cells
    assert (judged.status, judged.reason) == (Status.ERROR, words)


@pytest.mark.parametrize(("points", "images", "passes"), [(2.0, 160, True), (2.0, 159, False), (50.0, 5, True),
                                                          (50.0, 4, False)])  # fmt: skip
def test_points_are_hundredths(points: float, images: int, passes: bool) -> None:
    """0.98^160 = 0.0395, 0.98^159 = 0.0403; 0.5^5 = 0.031."""
    found = ruled(images=images, thresholds=Thresholds(accuracy_drop_points=points))
    assert (found.verdict is Verdict.PASS) is passes


def test_the_figures_of_agreement() -> None:
    found = ruled(lost=range(40), labels=None)
    assert found.reason == "agrees on 90.00 % of 400 images, 97 % are asked"


def test_outputs_that_are_not_finite_are_their_own_cause() -> None:
    outputs = REFERENCE.copy()
    outputs[3, 0] = np.nan
    from harness.judge.rules import rule

    found = rule(
        reference=REFERENCE, outputs=outputs, labels=TRUTH, looks=(400,), thresholds=Thresholds(), confidence=0.95
    )
    assert found.cause is Cause.NON_FINITE


def test_images_needed_count_what_is_gained() -> None:
    """Of 40 images 8 are lost and 8 gained: as many again and again show less than 20 points, by bets alone."""
    lost, gained = np.arange(40) % 5 == 0, np.arange(40) % 5 == 1
    found = settle_accuracy(lost=lost, gained=gained, looks=[40], threshold=0.2, confidence=0.95)
    assert found.verdict is Verdict.INCONCLUSIVE
    test = PairedTest(0.2, (40,), 0.95)
    wanted = next(images for images in range(80, 1000, 40) if test.expected(images, 0.2, 0.2))
    assert found.needed == wanted
    again = settle_accuracy(
        lost=np.tile(lost, wanted // 40), gained=np.tile(gained, wanted // 40), looks=[wanted], threshold=0.2,
        confidence=0.95,
    )  # fmt: skip
    assert (again.verdict, again.method) == (Verdict.PASS, "betting on lost against gained images")


W8 = (Weights(bits=8), Memory.NORMAL)


def test_every_part_of_a_loss_has_its_points() -> None:
    own, outputs = REFERENCE.copy(), REFERENCE.copy()
    own[:40] = np.roll(own[:40], 1, axis=1)
    outputs[:60] = np.roll(outputs[:60], 2, axis=1)
    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE, W8: own}, labels=TRUTH)
    found = split(outputs=outputs, by=by, precision=CATALOGUE["w8"], peers=None, device="board")
    assert found.quantisation is not None
    assert found.arithmetic is not None
    assert (found.quantisation.drop_points, found.arithmetic.drop_points) == (10.0, 5.0)


@pytest.mark.parametrize(
    ("sizes", "images"), [((7, 400, 400), 7), ((400, 7, 400), 7), ((400, 400, 7), 7), ((1, 1, 1), 1)]
)
def test_a_part_is_over_the_images_of_all(sizes: tuple[int, int, int], images: int) -> None:
    outputs, reference, host = (REFERENCE[:size] for size in sizes)
    found = split(
        outputs=outputs, by=Yardsticks(reference, {PLAIN: host}), precision=CATALOGUE["fp32"], peers=None, device="x"
    )
    assert found.conversion == LossPart(images=images, relative_l2_median=0.0, flips=0)


def test_one_image_that_is_not_finite_does_not_make_the_others_so() -> None:
    """Of five images: the median distance is that of the others, one flips, and one point in five is lost."""
    reference, outputs = REFERENCE[:5], REFERENCE[:5].copy()
    outputs[2, 0] = np.inf
    for by, given in ((Yardsticks(reference, {PLAIN: outputs}, labels=TRUTH[:5]), reference),
                      (Yardsticks(outputs, {PLAIN: reference}, labels=TRUTH[:5]), reference)):  # fmt: skip
        found = split(outputs=given, by=by, precision=CATALOGUE["fp32"], peers=None, device="x").conversion
        assert found is not None
        assert (found.relative_l2_median, found.flips, abs(found.drop_points or 0)) == (0.0, 1, 20.0)


@pytest.mark.parametrize(
    ("lost", "words"), [(0.0149, "must lose this much"), (0.0151, "1.5 times"), (0.02, "2.0 times")]
)
def test_what_is_about_the_floor(lost: float, words: str) -> None:
    def away(share: float) -> np.ndarray:
        return (REFERENCE * np.float32(1 + share)).astype(np.float32)

    by = Yardsticks(REFERENCE, {PLAIN: REFERENCE}, floor=away(0.01))
    found = split(outputs=away(lost), by=by, precision=CATALOGUE["fp16"], peers=None, device="x")
    assert words in found.note


def test_a_shared_verdict_may_rest_on_no_more_images_than_its_own() -> None:
    """Equal thresholds, equal images, equal bits: nothing is claimed that the twin could not bear out."""
    mine, theirs = (key().model_copy(update={"device": name}) for name in "ab")
    short = CellEvidence(key=theirs, images=40, outputs=SHA, probe=evidence(REFERENCE).probe, variant="f" * 64)
    whole = replace(
        stored(None, None, model(REFERENCE, TRUTH)),
        planned=(theirs, mine),
        devices=tuple(replace(board(), name=name) for name in "ab"),
        evidence={theirs: short, mine: short.model_copy(update={"key": mine, "same_as": theirs})},
        outputs=Arrays({SHA: REFERENCE[:40]}),
        thresholds=Thresholds(accuracy_drop_points=20.0),
    )
    cells: tuple[CellResult, ...] = judge(whole).cells
    assert [one.verdict for one in cells] == [Verdict.PASS, Verdict.PASS]
    lied = judge(replace(whole, planned=(mine,))).cells[0]
    assert lied.failure is not None
    assert "did not measure the same by itself" in lied.reason
    assert lied.failure.advice == "The run's folder was changed, or two runs were mixed; measure this cell again."
    assert lied.variant == "f" * 64
