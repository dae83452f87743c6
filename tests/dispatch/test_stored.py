"""From a journal to what the judge takes: the last word on every cell, and evidence that is gone."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from harness.dispatch.arrays import ArrayStore
from harness.dispatch.events import CellFinished, JournalEvent, RunEnded
from harness.dispatch.journal import NAME, Journal
from harness.dispatch.snapshot import ModelNote
from harness.dispatch.stored import Replay, replay, stored_run
from harness.errors import Code, FarmError, Problem
from harness.evidence import CellEvidence, Failure
from harness.results import ModelResult
from tests.dispatch.builders import AT, ended, failed, finished, floats, key, measured, ready, started

BUSY = Failure.of(Problem(Code.DEVICE_BUSY, "held by somebody"))


def journal(folder: Path, *events: JournalEvent) -> Path:
    with closing(Journal(folder)) as file:
        for event in events:
            file.write(event)
    return folder


def test_the_last_word_on_a_cell_counts(tmp_path: Path) -> None:
    again = measured(key("fp16"), wall_s=7.0)
    found = replay(
        journal(
            tmp_path,
            started(),
            finished(measured(key("fp32"))),
            finished(failed(key("fp16"))),
            ended(10.0, cells_measured=1),
            started(at="2026-02-02"),
            finished(again),
            ended(2.5, cells_measured=2),
        )
    )
    assert found.cells == {key("fp32"): measured(key("fp32")), key("fp16"): again}
    assert (found.started, found.wall_s, found.counts) == (AT, 12.5, {"cells_measured": 2})


def test_errors_alone_are_measured_again(tmp_path: Path) -> None:
    nothing = CellEvidence(key=key("int8"), unsupported="no wheel")
    found = replay(
        journal(
            tmp_path,
            started(),
            finished(measured(key("fp32"))),
            finished(measured(key("bf16"), stopped_early=True, outputs="1" * 64)),
            finished(nothing),
            finished(failed(key("fp16"))),
        )
    )
    assert found.settled(lambda _: True) == {key("fp32"), key("bf16"), key("int8")}
    assert found.settled({"1" * 64}.__contains__) == {key("bf16"), key("int8")}  # fp32's outputs are gone


def test_a_cell_that_shares_is_measured_again_with_the_one_it_was_left_for() -> None:
    first, second = key(), key(device="a53")
    shares = measured(second, outputs="1" * 64, same_as=first)
    found = Replay()
    for evidence in (measured(first), shares):
        found.take(CellFinished(at=AT, evidence=evidence))
    assert found.settled(lambda _: True) == {first, second}
    assert found.settled({"1" * 64}.__contains__) == frozenset()  # the outputs of the first are gone
    found.take(CellFinished(at=AT, evidence=failed(first)))
    assert found.settled(lambda _: True) == frozenset()


def test_a_device_that_fails_later_keeps_its_description(tmp_path: Path) -> None:
    good = ready(facts={"machine": "aarch64"}, sent_bytes=7)
    found = replay(journal(tmp_path, started(), good, ready(failure=BUSY)))
    assert found.devices["a76"].facts == {"machine": "aarch64"}
    assert found.devices["a76"].failure == BUSY
    assert replay(journal(tmp_path, good)).devices["a76"].failure is None


@pytest.mark.parametrize(
    "events", [[], [finished(measured(key()))], [RunEnded(at=AT, wall_s=1, interrupted=True, counts={})]]
)
def test_a_journal_without_a_beginning(tmp_path: Path, events: list[JournalEvent]) -> None:
    journal(tmp_path, *events)
    assert (tmp_path / NAME).is_file()
    for read in (replay, stored_run):
        with pytest.raises(FarmError) as caught:
            read(tmp_path)
        assert caught.value.problem.code is Code.EVIDENCE_MISSING


def note(reference: str | None, labels: str | None) -> ModelNote:
    result = ModelResult(name="b0", source="b0.onnx", sha256="1" * 64, samples=2, labelled=labels is not None)
    return ModelNote(result=result, reference=reference, labels=labels, output_name="logits")


def test_a_stored_run_has_everything_the_judge_takes(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path)
    reference, labels = floats(2, 3), np.array([2, 0], np.int64)
    outputs = store.save(reference + 1)
    models = (note(store.save(reference), store.save(labels)),)
    evidence = measured(key("fp32"), outputs=outputs, images=2)
    journal(tmp_path, started(models=models), ready(facts={"machine": "aarch64"}), finished(evidence))
    run = stored_run(tmp_path)
    assert (run.id, run.started, run.confidence, run.engines) == ("run-1", AT, 0.95, ("3.6.1",))
    assert run.planned == (key("fp32"), key("w8-block32-lowmem"))
    assert [precision.name for precision in run.precisions] == ["fp32", "w8-block32-lowmem"]
    assert run.evidence == {key("fp32"): evidence}
    (device,), (model,) = run.devices, run.models
    assert (device.name, device.emulated, device.labels) == ("a76", True, {"soc": "x"})
    assert device.evidence is not None
    assert device.evidence.facts == {"machine": "aarch64"}
    assert model.reference is not None
    assert model.labels is not None
    assert np.array_equal(model.reference, reference)
    assert np.array_equal(model.labels, labels)
    assert np.array_equal(run.outputs(outputs), reference + 1)


def test_a_reference_that_is_gone_is_that_models_failure(tmp_path: Path) -> None:
    journal(tmp_path, started(models=(note("0" * 64, None),)))
    (model,) = stored_run(tmp_path).models
    assert model.reference is None
    assert model.failure is not None
    assert model.failure.code is Code.EVIDENCE_MISSING


def test_outputs_that_are_gone_or_no_floats_are_told(tmp_path: Path) -> None:
    integers = ArrayStore(tmp_path).save(np.array([1, 2], np.int64))
    run = stored_run(journal(tmp_path, started()))
    for digest, words in (("0" * 64, "cannot be read"), (integers, "int64")):
        with pytest.raises(FarmError, match=words) as caught:
            run.outputs(digest)
        assert caught.value.problem.code is Code.EVIDENCE_MISSING
