"""The journal: what was written is read again, in order, whatever the moment at which the run was killed."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dispatch.events import JOURNAL_LINE, JournalEvent
from harness.dispatch.journal import NAME, Journal, read_journal
from harness.errors import Code, FarmError, Problem
from harness.evidence import Failure, Probe
from tests.dispatch.builders import begun, ended, failed, finished, key, measured, ready, started

EVENTS: list[JournalEvent] = [
    started(),
    ready(
        facts={"machine": "aarch64", "isa": ["fp16"], "bits": 64}, engines={"3.6.1": {"banner": "ä"}}, sent_bytes=9
    ),
    begun(),
    finished(measured(key())),
    finished(failed(key("fp16"), Problem(Code.CELL_TIMEOUT, "line\nbreak \u2028 and 'quotes'"))),
    ended(cells_measured=1),
]


def write(folder: Path, *events: JournalEvent) -> bytes:
    with closing(Journal(folder)) as journal:
        for event in events:
            journal.write(event)
    return (folder / NAME).read_bytes()


def test_a_round_trip(tmp_path: Path) -> None:
    data = write(tmp_path, *EVENTS)
    assert list(read_journal(tmp_path)) == EVENTS
    assert data.count(b"\n") == len(EVENTS)


def test_each_event_is_on_disk_before_the_next(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for number, event in enumerate(EVENTS, start=1):
            journal.write(event)
            assert len(list(read_journal(tmp_path))) == number


def test_a_journal_is_continued(tmp_path: Path) -> None:
    write(tmp_path, *EVENTS[:2])
    write(tmp_path, *EVENTS[2:])
    assert list(read_journal(tmp_path)) == EVENTS


def test_wherever_a_kill_tears_the_last_line_the_others_are_read(tmp_path: Path) -> None:
    before = write(tmp_path, *EVENTS[:3])
    whole = write(tmp_path, EVENTS[3])
    for end in (*range(len(before), len(whole), 50), len(whole) - 1):
        (tmp_path / NAME).write_bytes(whole[:end])
        assert list(read_journal(tmp_path)) == EVENTS[:3]


@pytest.mark.parametrize("torn", [b'{"kind": "cel', b"\xff\x00", b'{"kind": "run-ended"}'])
def test_what_follows_a_torn_line_is_not_lost_with_it(tmp_path: Path, torn: bytes) -> None:
    data = write(tmp_path, *EVENTS[:3])
    (tmp_path / NAME).write_bytes(data + torn)
    write(tmp_path, *EVENTS[3:])
    assert list(read_journal(tmp_path)) == EVENTS


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b'{"kind": "unknown"}', b'{"at": "now"}', b"\xff\xfe", b"\x00" * 100]
)
def test_a_damaged_line_within_is_not_passed_over(tmp_path: Path, damage: bytes) -> None:
    lines = write(tmp_path, *EVENTS).split(b"\n")
    lines[3] = damage
    (tmp_path / NAME).write_bytes(b"\n".join(lines))
    with pytest.raises(FarmError) as caught:
        list(read_journal(tmp_path))
    assert caught.value.problem.code is Code.EVIDENCE_MISSING
    assert "line 4 is damaged" in caught.value.problem.message


def test_a_key_that_is_not_known_is_damage_too(tmp_path: Path) -> None:
    text = write(tmp_path, *EVENTS).replace(b'"images":35', b'"images":35,"verdict":"PASS"')
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(FarmError, match="line 4"):
        list(read_journal(tmp_path))


def test_a_folder_without_a_journal(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(FarmError) as caught:
            list(read_journal(folder))
        assert caught.value.problem.code is Code.EVIDENCE_MISSING
        assert "-o of `farm run`" in caught.value.problem.what_to_do


words = st.text(st.characters(exclude_categories=["Cs"]))
failures = st.builds(Failure, code=st.sampled_from(Code), message=words, advice=words)
probes = st.builds(Probe, half_flops_share=st.none() | st.floats(allow_nan=False), tensors=st.integers(0, 2**40))


@given(failures | st.none(), probes | st.none(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_evidence_survives(failure: Failure | None, probe: Probe | None, wall: float) -> None:
    event = finished(measured(key(), failure=failure, probe=probe, wall_s=wall))
    assert JOURNAL_LINE.validate_json(JOURNAL_LINE.dump_json(event)) == event
    assert b"\n" not in JOURNAL_LINE.dump_json(event)
