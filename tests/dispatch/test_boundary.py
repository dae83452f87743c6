"""The boundary: what goes wrong becomes a problem, and nothing that must end the program is caught."""

import pytest

from harness.dispatch.boundary import attempt
from harness.errors import Code, DeviceError, FarmError, InputError, Problem, TransportError


def raising(error: BaseException) -> None:
    raise error


def test_a_result_is_a_result() -> None:
    assert attempt(lambda: 7) == 7
    assert attempt(lambda: None) is None


@pytest.mark.parametrize("kind", [FarmError, DeviceError, TransportError, InputError])
def test_a_foreseen_failure_brings_its_own_problem(kind: type[FarmError]) -> None:
    found = attempt(lambda: raising(kind(Code.DISK_FULL, "full", "empty it")))
    assert found == Problem(Code.DISK_FULL, "full", "empty it")


@pytest.mark.parametrize(
    "error", [KeyError("batch"), ZeroDivisionError("by zero"), AssertionError(), OSError(28, "full")]
)
def test_any_other_is_a_defect_that_says_where_it_is(error: Exception) -> None:
    found = attempt(lambda: raising(error))
    assert isinstance(found, Problem)
    assert found.code is Code.INTERNAL
    assert found.message.startswith(f"{type(error).__name__}: {error}")
    assert "test_boundary.py" in found.message
    assert "raising" in found.message


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_what_ends_the_program_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        attempt(lambda: raising(error))
