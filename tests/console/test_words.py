"""The sentences of a run: every kind of event says what it is, on one line, without control characters."""

import pytest

from harness.console.words import cell_words, device_words, progress_words, settled_words, size
from harness.dispatch.events import Progress
from harness.errors import Code, Problem
from harness.evidence import CellEvidence, Failure
from tests.dispatch.builders import failed, finished, key, measured, ready

BUSY = Problem(Code.DEVICE_BUSY, "Held by me@there.")


def test_a_measured_cell() -> None:
    assert cell_words(measured(key("fp16"))) == "b0 fp16 (MNN 3.6.1): 35 images in 12.5 s"


def test_a_precision_that_did_not_take_effect() -> None:
    evidence = measured(key("fp16"), images=1, stopped_early=True)
    assert cell_words(evidence) == "b0 fp16 (MNN 3.6.1): did not take effect (one sample, 12.5 s)"


def test_a_cell_that_was_not_run() -> None:
    evidence = CellEvidence(key=key("int8"), unsupported="MNN has no wheel for riscv64.")
    assert cell_words(evidence) == "b0 int8 (MNN 3.6.1): not run: MNN has no wheel for riscv64."


def test_a_cell_that_failed_names_code_and_blame() -> None:
    words = cell_words(failed(key(), BUSY))
    assert words == "b0 fp32 (MNN 3.6.1): ERROR device-busy (infrastructure): Held by me@there."


def test_a_settled_cell_says_how_many_are_left() -> None:
    assert settled_words(finished(measured(key())), 3, 40).startswith("[3/40] b0 fp32 ")


def test_a_device_that_described_itself() -> None:
    event = ready(facts={"machine": "aarch64", "isa": ["fp16", "dot"]}, sent_bytes=36_400_000)
    assert device_words(event) == "aarch64, instruction set: fp16 dot; 36.4 MB sent"
    assert device_words(ready(facts={"machine": "aarch64", "isa": []})) == "aarch64, instruction set: base; 0 B sent"
    assert "unknown" in device_words(ready(facts={"isa": "fp16"}))


def test_a_device_that_failed_says_what_to_do() -> None:
    words = device_words(ready(failure=Failure.of(BUSY)))
    assert words.startswith("device-busy (infrastructure): Held by me@there. Wait until")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Progress(device="a", text="connecting"), "connecting"),
        (Progress(device="a", text="sending", done=1500, total=2_500_000, unit="bytes"), "sending 1.5 kB of 2.5 MB"),
        (Progress(device="a", text="b0 fp16", done=3, total=60, unit="images"), "b0 fp16 3/60 images"),
    ],
)
def test_progress(event: Progress, words: str) -> None:
    assert progress_words(event) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1234, "1.2 kB"),
        (3_400_000, "3.4 MB"),
        (12_345_000_000, "12345.0 MB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert size(count) == words


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e[red]\ud800 end"


def test_no_foreign_text_steers_the_terminal() -> None:
    said = [
        cell_words(failed(key(), Problem(Code.PROTOCOL, HOSTILE))),
        cell_words(CellEvidence(key=key(), unsupported=HOSTILE)),
        device_words(ready(facts={"machine": HOSTILE, "isa": [HOSTILE]})),
        device_words(ready(failure=Failure.of(Problem(Code.PROTOCOL, HOSTILE)))),
        progress_words(Progress(device="a", text=HOSTILE)),
    ]
    for words in said:
        assert words.isprintable()
        assert "end" in words
