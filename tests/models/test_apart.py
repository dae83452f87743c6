"""Work in a process of its own: whatever becomes of it, the one that asked goes on and says what happened."""

import os
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import Code, FarmError, InputError, Problem
from harness.models import apart as apart_module
from harness.models.apart import apart
from harness.models.limits import MAX_FILE
from harness.models.onnx_file import load


def double(array: NDArray[np.float32], *, by: int) -> tuple[NDArray[np.float32], int]:
    return np.asarray(array * by, np.float32), os.getpid()


def end_by(number: int) -> None:
    sys.stderr.write("the last words\n")
    sys.stderr.flush()
    os.kill(os.getpid(), number)


def refuse(kind: type[FarmError]) -> None:
    raise kind(Code.BAD_MODEL, "no model", "use another")


def break_down() -> None:
    raise ZeroDivisionError("by zero")


def leave() -> None:
    sys.exit(7)


def bounds() -> dict[str, int]:
    kinds = {"data": resource.RLIMIT_DATA, "core": resource.RLIMIT_CORE, "file": resource.RLIMIT_FSIZE}
    return {name: resource.getrlimit(kind)[0] for name, kind in kinds.items()}


def hang() -> None:
    signal.pause()


def failure(work: object, *args: object) -> FarmError:
    with pytest.raises(FarmError) as caught:
        apart(work, *args)  # type: ignore[arg-type]
    return caught.value


def test_results_come_back_from_another_process() -> None:
    result, pid = apart(double, np.arange(3, dtype=np.float32), by=2)
    assert result.tolist() == [0.0, 2.0, 4.0]
    assert pid != os.getpid()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGKILL])
def test_a_crash_is_told_with_the_last_words(number: signal.Signals) -> None:
    found = failure(end_by, number)
    assert found.problem.code is Code.REFERENCE_FAILED
    assert f"killed by {number.name}" in found.problem.message
    assert "the last words" in found.problem.message


@pytest.mark.parametrize("kind", [FarmError, InputError])
def test_our_own_failures_stay_what_they_are(kind: type[FarmError]) -> None:
    found = failure(refuse, kind)
    assert type(found) is kind
    assert found.problem == Problem(Code.BAD_MODEL, "no model", "use another")


def test_anything_else_is_a_failure_too() -> None:
    assert "ZeroDivisionError: by zero" in failure(break_down).problem.message
    assert "exit code 7" in failure(leave).problem.message


def test_it_is_bound() -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert apart(bounds) == {"data": memory, "core": 0, "file": MAX_FILE}


def test_it_may_not_take_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart_module, "DEADLINE_S", 0.5)
    assert "did not end within 0.5 s" in failure(hang).problem.message


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", bytes(1000)])
def test_a_file_that_is_no_model_is_a_mistake_of_the_user(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(path, name="m", size=None, cache=tmp_path)
    assert caught.value.problem.code is Code.BAD_MODEL
