"""A run's folder: new or empty, or the same question once more."""

from contextlib import closing
from pathlib import Path

import pytest

from harness.dispatch.journal import NAME, Journal
from harness.dispatch.run_folder import open_folder, refuse_changes
from harness.errors import Code, InputError, Problem
from tests.dispatch.builders import finished, key, measured, snapshot, started


def problem(folder: Path, *, resume: bool = False) -> Problem:
    with pytest.raises(InputError) as caught:
        open_folder(folder, resume=resume)
    assert caught.value.problem.code is Code.BAD_OUTPUT_FOLDER
    assert str(folder) in caught.value.problem.message
    return caught.value.problem


def old_run(folder: Path) -> Path:
    folder.mkdir()
    with closing(Journal(folder)) as journal:
        journal.write(started())
        journal.write(finished(measured(key())))
    return folder


@pytest.mark.parametrize("resume", [False, True])
def test_a_new_folder_is_made_and_an_empty_one_taken(tmp_path: Path, resume: bool) -> None:
    for folder in (tmp_path / "a" / "b", tmp_path / "a" / "b"):
        assert open_folder(folder, resume=resume) is None
        assert folder.is_dir()


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path, resume: bool) -> None:
    (tmp_path / ".hidden").touch()
    found = problem(tmp_path, resume=resume)
    assert "not empty" in found.message
    assert "--resume" not in found.what_to_do


def test_an_old_run_is_not_written_over_and_resume_is_named(tmp_path: Path) -> None:
    found = problem(old_run(tmp_path / "run"))
    assert "not empty" in found.message
    assert "--resume" in found.what_to_do


def test_an_old_run_is_resumed(tmp_path: Path) -> None:
    found = open_folder(old_run(tmp_path / "run"), resume=True)
    assert found is not None
    assert found.snapshot == snapshot()
    assert found.settled(lambda _: True) == {key()}


@pytest.mark.parametrize("torn", [b"", b'{"kind": "run-sta'])
@pytest.mark.parametrize("resume", [True, False])
def test_a_journal_that_was_never_begun_is_none(tmp_path: Path, torn: bytes, resume: bool) -> None:
    """Its run was killed, or the disk was full, before it said what it is."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / NAME).write_bytes(torn)
    assert open_folder(folder, resume=resume) is None


@pytest.mark.parametrize("resume", [False, True])
def test_a_file_is_no_folder(tmp_path: Path, resume: bool) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "not a folder" in problem(file, resume=resume).message


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    problem(tmp_path / "file" / "run")


def test_the_same_question_may_be_resumed() -> None:
    refuse_changes(snapshot(), {"experiment": "e", "inventory": "i"})


def test_everything_that_changed_is_named() -> None:
    before = snapshot(identity={"inventory": "i", "experiment": "e", "engine": "3.6.1", "model gone": "m"})
    now = {"inventory": "i", "experiment": "E", "engine": "3.7", "model new": "n"}
    with pytest.raises(InputError) as caught:
        refuse_changes(before, now)
    assert caught.value.problem.code is Code.BAD_OUTPUT_FOLDER
    assert "changed since: engine, experiment, model gone, model new." in caught.value.problem.message
